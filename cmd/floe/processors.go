package main

import (
	"fmt"
	"os"
	"strings"

	"floe/internal/payment"
)

// processors are the payment processors that a server can have, by the name
// that --processor chooses them by. This is the one place where one is
// registered. setting reads an environment variable of the processor's own:
// setting("secret_key") of stripe is FLOE_STRIPE_SECRET_KEY.
var processors = map[string]func(setting func(key string) string) (payment.Processor, error){
	payment.ManualName: func(func(string) string) (payment.Processor, error) { return payment.Manual{}, nil },
}

// processor makes the processor that was chosen, which there is.
func processor(name string) (payment.Processor, error) {
	p, err := processors[name](func(key string) string { return os.Getenv("FLOE_" + strings.ToUpper(name+"_"+key)) })
	if err != nil {
		return nil, fmt.Errorf("the payment processor %s cannot be used: %w", name, err)
	}
	return p, nil
}
