// Package abuse holds the tests of a server under clients that are slow, rude,
// many, or all of it: each is answered clearly or cut off, and those who behave
// are served meanwhile. It has no code of its own, and no tests of what callers
// may do within the rules.
package abuse
