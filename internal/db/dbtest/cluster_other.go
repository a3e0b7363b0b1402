//go:build !unix

package dbtest

func startCluster() (string, error) { return "", errMissing }
