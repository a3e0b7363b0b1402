package listing

var FirstOf = firstOf
