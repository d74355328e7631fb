package postgres

// Bounded is for the tests, which stand outside of the package.
var Bounded = bounded
