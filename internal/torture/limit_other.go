//go:build unix && !linux

package torture

import "errors"

const canLimit = "needs Linux, which limits the files of another process"

func limitFiles(int, uint64) (func() error, error) { return nil, errors.New(canLimit) }
