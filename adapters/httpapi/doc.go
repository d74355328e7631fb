// Package httpapi is the API as the network sees it: what a request may look
// like, who may send it, how long anything may take, and how every answer
// reads.
//
// The way of a request: connection.go gives it a connection with bounds;
// head.go and reading.go read it strictly, or refuse it; rooms.go bounds what
// bodies take while they are read and handled, so the token of a large upload is
// proven before; exchange.go surrounds its handling with what no request may
// escape (an id, a log line, a metric, a recovered panic, a span if tracing.go is
// told to); operate.go proves the token, counts against the caller's rate limit,
// checks the scope and calls the handler that routes.go names. A handler decodes, calls one use case and answers. Whatever
// goes wrong anywhere is an error that problem.go turns into an RFC 9457
// problem, and accesslog.go writes down once.
//
// An operation is added in three steps: openapi.yaml says what it promises, a
// line in routes.go says where it is and who may, and a handler beside its like
// does it. What handlers read with: readBody, readSelection, readCursor,
// readIfMatch, pathParam, idempotencyKey, uploadBody; what they answer with:
// answer, answerNothing, located, tagged, linkNext, exportPages. They return
// errors as they are.
//
// Fiber does the routing. Reading a request is fasthttp's, with its leniencies
// taken away (head.go says which), and never through c.Body or c.BodyParser,
// which unpack compressed bodies without any limit.
package httpapi
