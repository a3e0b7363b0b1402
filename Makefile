# The commands of everyday work; .ci/run is what decides whether a change lands.
.PHONY: build check test race bench fuzz lint fmt

build: ## the binary, with Go alone
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o floe ./cmd/floe

fmt: ## format everything
	gofmt -w .

lint: ## the linters; golangci-lint is fetched by Go
	go vet ./...
	go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0 run

test: ## all tests on every engine that is found
	go test ./...

race: ## the tests of what runs side by side, under the race detector
	go test -race ./internal/db ./internal/db/lite ./internal/job ./internal/token ./internal/api ./internal/customer

fuzz: ## every fuzz target for twenty seconds
	.ci/fuzz 20s guided

bench: ## micro benchmarks; whole servers are in bench/, see docs/performance.md
	go test -run '^$$' -bench . -benchmem ./internal/...

check: lint test race
