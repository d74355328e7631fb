package apitest

// Entry is what tests read of an entry.
type Entry struct {
	ID              string   `json:"id"`
	UserID          string   `json:"user_id"`
	Date            string   `json:"date"`
	Week            string   `json:"week"`
	Project         string   `json:"project"`
	Task            string   `json:"task"`
	Description     string   `json:"description"`
	Seconds         int      `json:"seconds"`
	Hours           float64  `json:"hours"`
	Billable        bool     `json:"billable"`
	StartedAt       string   `json:"started_at"`
	TimeZone        string   `json:"time_zone"`
	Tags            []string `json:"tags"`
	Status          string   `json:"status"`
	Approved        bool     `json:"approved"`
	DecidedBy       string   `json:"decided_by"`
	DecidedAt       string   `json:"decided_at"`
	Reason          string   `json:"reason"`
	Source          string   `json:"source"`
	ExternalID      string   `json:"external_id"`
	SourceUpdatedAt string   `json:"source_updated_at"`
	ImportID        string   `json:"import_id"`
	Version         int      `json:"version"`
	CreatedAt       string   `json:"created_at"`
	UpdatedAt       string   `json:"updated_at"`
	CreatedBy       string   `json:"created_by"`
}

// Counts is what became of rows.
type Counts struct {
	Received, Created, Updated, Unchanged, Deleted, Conflicts, Rejected int
}

// Report is what tests read of the report of an upload.
type Report struct {
	ImportID string `json:"import_id"`
	DryRun   bool   `json:"dry_run"`
	Counts
	Results          []Result `json:"results"`
	ResultsTruncated bool     `json:"results_truncated"`
}

// Result is what became of one row.
type Result struct {
	Index        int       `json:"index"`
	Part         int       `json:"part"` // of a kept row only
	ExternalID   string    `json:"external_id"`
	ID           string    `json:"id"`
	Outcome      string    `json:"outcome"`
	Code         string    `json:"code"`
	CorrectionID string    `json:"correction_id"`
	Error        *RowError `json:"error"`
	Known        bool      `json:"known"`

	Text          string `json:"text"` // of a kept row only
	TextTruncated bool   `json:"text_truncated"`
}

// RowError is why a row was refused.
type RowError struct {
	Code   string `json:"code"`
	Field  string `json:"field"`
	Detail string `json:"detail"`
}

// Import is what tests read of an import.
type Import struct {
	ID        string `json:"id"`
	Source    string `json:"source"`
	Mode      string `json:"mode"`
	State     string `json:"state"`
	DryRun    bool   `json:"dry_run"`
	StartedAt string `json:"started_at"`
	EndedAt   string `json:"ended_at"`
	CreatedBy string `json:"created_by"`
	Counts
}

// Worker is a worker.
type Worker struct {
	UserID     string     `json:"user_id"`
	Kind       string     `json:"kind"`
	Name       string     `json:"name"`
	Email      string     `json:"email"`
	Identities []Identity `json:"identities"`
	ActiveFrom string     `json:"active_from"`
	ActiveTo   string     `json:"active_to"`
	Version    int        `json:"version"`
	CreatedAt  string     `json:"created_at"`
	UpdatedAt  string     `json:"updated_at"`
}

// Identity is what a tracker calls a worker.
type Identity struct {
	Source string `json:"source"`
	ID     string `json:"id"`
}

// Problem is an answer of status 400 and above (RFC 9457).
type Problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	Instance  string `json:"instance"`
	RequestID string `json:"request_id"`
	Code      string `json:"code"`
	Retryable bool   `json:"retryable"`
	Errors    []struct {
		Pointer string `json:"pointer"`
		Code    string `json:"code"`
		Detail  string `json:"detail"`
	} `json:"errors"`
	CorrectionID string `json:"correction_id"`
	Scope        string `json:"scope"`
	NotReady     string `json:"not_ready"`
}
