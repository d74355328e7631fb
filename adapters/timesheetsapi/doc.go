// Package timesheetsapi speaks to our own API as its client: what the import
// job uses to hold runs and to upload, over the client that is generated from
// the API's OpenAPI document (openapi_gen.go; never edited by hand).
package timesheetsapi
