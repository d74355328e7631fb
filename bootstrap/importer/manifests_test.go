package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	"sigs.k8s.io/yaml"

	"timesheets/application/importing"
	"timesheets/bootstrap/assembly"
)

// What a CronJob has the program do is an order that it takes.
func TestTheManifestsCommandLinesAreTaken(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../deploy/kubernetes/import-*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no manifests of imports: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for document := range bytes.SplitSeq(text, []byte("\n---\n")) {
			var job batchv1.CronJob
			if err := yaml.UnmarshalStrict(document, &job); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			args := job.Spec.JobTemplate.Spec.Template.Spec.Containers[0].Args
			var line commands
			if command, done, err := assembly.ParseCommandLine(&line, "importer", "", args, io.Discard, io.Discard); err != nil || done || command != "run" {
				t.Errorf("%s: %v is the command %q: %v", job.Name, args, command, err)
			}
			if _, _, err := line.Run.read(importing.Upsert); err != nil {
				t.Errorf("%s: %v: %v", job.Name, args, err)
			}
		}
	}
}
