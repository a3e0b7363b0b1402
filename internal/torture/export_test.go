//go:build unix

package torture

// NotReached is what a round says that was none of its fault.
const NotReached = notReached
