// Package sdktest has no code of its own: its tests drive a server with the
// official SDKs, as they are published, and with the requests of the public
// documentation. What these clients accept is what compatible means.
package sdktest
