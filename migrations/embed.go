// Package migrations holds the database's schema as numbered SQL files. They
// are applied in order, forward only, and are never edited once released.
package migrations

import "embed"

// Files has the files NNNN_name.sql in its root.
//
//go:embed *.sql
var Files embed.FS
