// Package crash has no code of its own: its tests kill a server in the middle
// of its work, over and over, and look for what it had promised. An answer
// that was sent is a promise; what was not answered is there whole or not at
// all.
package crash
