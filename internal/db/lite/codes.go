package lite

import sqlite3 "modernc.org/sqlite/lib"

// Codes of errors; the low byte of an Error's code is one of the first group.
const (
	General     = sqlite3.SQLITE_ERROR
	Busy        = sqlite3.SQLITE_BUSY
	Locked      = sqlite3.SQLITE_LOCKED
	NoMemory    = sqlite3.SQLITE_NOMEM
	ReadOnly    = sqlite3.SQLITE_READONLY
	Interrupted = sqlite3.SQLITE_INTERRUPT
	IOError     = sqlite3.SQLITE_IOERR
	Corrupt     = sqlite3.SQLITE_CORRUPT
	Full        = sqlite3.SQLITE_FULL
	CannotOpen  = sqlite3.SQLITE_CANTOPEN
	NotADB      = sqlite3.SQLITE_NOTADB

	// NoRoomForIndex says that the file that indexes the log could not grow.
	NoRoomForIndex = sqlite3.SQLITE_IOERR_SHMSIZE

	PrimaryKey = sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
	Unique     = sqlite3.SQLITE_CONSTRAINT_UNIQUE
	RowID      = sqlite3.SQLITE_CONSTRAINT_ROWID
)
