// Package nodes has no code of its own: its tests run several servers on one
// PostgreSQL database, behind a load balancer and with a replica, and take them
// away one after the other while clients work.
package nodes
