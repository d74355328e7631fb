package deploy

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"timesheets/application/importing"
	"timesheets/application/intake"
)

func TestExitCodesDecideWhatBecomesOfAnImportJob(t *testing.T) {
	t.Parallel()
	for _, c := range every[*batchv1.CronJob](t) {
		job := c.Spec.JobTemplate.Spec
		if job.PodFailurePolicy == nil || job.Template.Spec.RestartPolicy != corev1.RestartPolicyNever {
			t.Errorf("%s: exit codes are not looked at, which takes the restart policy Never", c.Name)
			continue
		}
		for code, want := range map[int32]batchv1.PodFailurePolicyAction{
			importing.ExitAgain:         "", // which counts against the backoff limit
			importing.ExitMisconfigured: batchv1.PodFailurePolicyActionFailJob,
			importing.ExitProblems:      batchv1.PodFailurePolicyActionFailJob,
		} {
			if got := onExit(job, code); got != want {
				t.Errorf("%s: exit code %d gives the action %q, want %q", c.Name, code, got, want)
			}
		}
		if got := onDisruption(job); got != batchv1.PodFailurePolicyActionIgnore {
			t.Errorf("%s: a drained node gives the action %q", c.Name, got)
		}
	}
}

// onExit is what the first rule about the code of the job's container says.
func onExit(job batchv1.JobSpec, code int32) batchv1.PodFailurePolicyAction {
	for _, rule := range job.PodFailurePolicy.Rules {
		if e := rule.OnExitCodes; e != nil && e.Operator == batchv1.PodFailurePolicyOnExitCodesOpIn && slices.Contains(e.Values, code) &&
			e.ContainerName != nil && *e.ContainerName == job.Template.Spec.Containers[0].Name {
			return rule.Action
		}
	}
	return ""
}

func onDisruption(job batchv1.JobSpec) batchv1.PodFailurePolicyAction {
	for _, rule := range job.PodFailurePolicy.Rules {
		for _, condition := range rule.OnPodConditions {
			if condition.Type == corev1.DisruptionTarget && condition.Status == corev1.ConditionTrue {
				return rule.Action
			}
		}
	}
	return ""
}

func TestImportJobsDoNotPileUp(t *testing.T) {
	t.Parallel()
	for _, c := range every[*batchv1.CronJob](t) {
		job := c.Spec.JobTemplate.Spec
		if c.Spec.ConcurrencyPolicy != batchv1.ForbidConcurrent {
			t.Errorf("%s: concurrency is %q", c.Name, c.Spec.ConcurrencyPolicy)
		}
		if job.PodReplacementPolicy == nil || *job.PodReplacementPolicy != batchv1.Failed {
			t.Errorf("%s: a pod is replaced while it still ends", c.Name)
		}
		// Below 10 s a job may never start; without any, none starts once 100
		// slots were missed.
		if d := c.Spec.StartingDeadlineSeconds; d == nil || *d < 60 {
			t.Errorf("%s: the starting deadline is %v", c.Name, d)
		}
		if c.Spec.SuccessfulJobsHistoryLimit == nil || c.Spec.FailedJobsHistoryLimit == nil || *c.Spec.FailedJobsHistoryLimit < 1 || job.TTLSecondsAfterFinished == nil {
			t.Errorf("%s: finished jobs stay, or failed ones do not", c.Name)
		}
		if job.Completions != nil || job.Parallelism != nil {
			t.Errorf("%s: one pod at a time is what there is to do", c.Name)
		}
		if len(c.Name) > 52 {
			t.Errorf("%s: the name leaves no room for that of its jobs", c.Name)
		}
	}
}

func TestAnImportJobHasTheTimeForItsTries(t *testing.T) {
	t.Parallel()
	for _, c := range every[*batchv1.CronJob](t) {
		job := c.Spec.JobTemplate.Spec
		timeout, err := time.ParseDuration(flags(t, c)["--timeout"])
		if err != nil {
			t.Fatalf("%s: the time for a try: %v", c.Name, err)
		}
		if job.BackoffLimit == nil || job.ActiveDeadlineSeconds == nil {
			t.Fatalf("%s: there is no end to the tries", c.Name)
		}
		tries := int64(*job.BackoffLimit) + 1
		const start = 30 * time.Second // until a pod is there
		needed := time.Duration(tries)*(timeout+start) + pauses(*job.BackoffLimit)
		if allowed := time.Duration(*job.ActiveDeadlineSeconds) * time.Second; allowed < needed {
			t.Errorf("%s: %d tries of %s take %s, and %s are allowed", c.Name, tries, timeout, needed, allowed)
		}
	}
}

// flags gives what the job's command line says of its import; the importer's own
// test has it read by the program.
func flags(t *testing.T, c *batchv1.CronJob) map[string]string {
	t.Helper()
	args := c.Spec.JobTemplate.Spec.Template.Spec.Containers[0].Args
	if len(args) == 0 || args[0] != "run" {
		t.Fatalf("%s: the arguments are %v", c.Name, args)
	}
	found := map[string]string{}
	for _, arg := range args[1:] {
		flag, value, _ := strings.Cut(arg, "=")
		if _, twice := found[flag]; twice || !slices.Contains([]string{"--timeout", "--tier", "--mirror", "--max-delete-count", "--max-delete-percent"}, flag) {
			t.Errorf("%s: %s is given twice, or is not for a schedule", c.Name, arg)
		}
		found[flag] = value
	}
	return found
}

// byTracker gives the jobs of each tracker, which are those with the same
// settings.
func byTracker(t *testing.T) map[string][]*batchv1.CronJob {
	t.Helper()
	found := map[string][]*batchv1.CronJob{}
	for _, c := range every[*batchv1.CronJob](t) {
		known := false
		for _, from := range c.Spec.JobTemplate.Spec.Template.Spec.Containers[0].EnvFrom {
			if settings := from.ConfigMapRef; settings != nil && settings.Name != "auth0" {
				found[settings.Name] = append(found[settings.Name], c)
				known = true
			}
		}
		if !known {
			t.Errorf("%s has no settings of a tracker", c.Name)
		}
	}
	return found
}

// What is entered late is found by the wider tiers, and what an entry that moved
// to another day leaves behind looks deleted to all but the widest.
func TestEveryTrackerIsReadByEachTierAndMirroredByTheWidest(t *testing.T) {
	t.Parallel()
	for tracker, jobs := range byTracker(t) {
		mirrors := map[importing.Tier]bool{}
		for _, c := range jobs {
			given := flags(t, c)
			tier, err := importing.ParseTier(given["--tier"])
			if err != nil {
				t.Fatal(err)
			}
			if _, twice := mirrors[tier]; twice {
				t.Errorf("%s: two jobs read the tier %s", tracker, tier)
			}
			_, mirrors[tier] = given["--mirror"]
		}
		want := map[importing.Tier]bool{importing.Recent: false, importing.Nightly: false, importing.Weekly: true}
		if !maps.Equal(mirrors, want) {
			t.Errorf("%s: tiers, and whether they mirror: %v, want %v", tracker, mirrors, want)
		}
		if generated(t, tracker)["IMPORT_MODE"] != "" {
			t.Errorf("%s: IMPORT_MODE is set for all tiers", tracker)
		}
	}
}

// They are written out, so that kubectl alone applies them.
func TestTheJobsOfATrackerDifferInNothingButWhenAndHowFar(t *testing.T) {
	t.Parallel()
	for tracker, jobs := range byTracker(t) {
		var first batchv1.CronJob
		for i, c := range jobs {
			same := *c.DeepCopy()
			same.Name, same.Spec.Schedule = "", ""
			same.Spec.JobTemplate.Spec.ActiveDeadlineSeconds = nil
			same.Spec.JobTemplate.Spec.Template.Spec.Containers[0].Args = nil
			if i == 0 {
				first = same
			}
			if diff := cmp.Diff(first, same); diff != "" {
				t.Errorf("%s: %s is not as %s is:\n%s", tracker, c.Name, jobs[0].Name, diff)
			}
		}
	}
}

// Of two at once the later one finds the source taken, and ends with 1.
func TestOneJobOfATrackerIsOverWhenTheNextOneIsDue(t *testing.T) {
	t.Parallel()
	for tracker, jobs := range byTracker(t) {
		type slot struct {
			at, until time.Duration // since the week began
			name      string
		}
		var slots []slot
		for _, c := range jobs {
			deadline := time.Duration(*c.Spec.StartingDeadlineSeconds+*c.Spec.JobTemplate.Spec.ActiveDeadlineSeconds) * time.Second
			for _, at := range due(t, c.Spec.Schedule) {
				slots = append(slots, slot{at, at + deadline, c.Name})
			}
		}
		slices.SortFunc(slots, func(a, b slot) int { return int(a.at - b.at) })
		for i, s := range slots {
			next := slots[(i+1)%len(slots)]
			if i == len(slots)-1 {
				next.at += 7 * 24 * time.Hour
			}
			if s.until > next.at {
				t.Errorf("%s: %s may last until %s, and %s is due at %s of a week", tracker, s.name, s.until, next.name, next.at)
			}
		}
	}
}

// due gives when a schedule is due in a week that begins on Sunday, if it says
// no more than the minute, the hours and the weekdays.
func due(t *testing.T, schedule string) []time.Duration {
	t.Helper()
	fields := strings.Fields(schedule)
	if len(fields) != 5 || fields[2] != "*" || fields[3] != "*" {
		t.Fatalf("the schedule is %q", schedule)
	}
	var found []time.Duration
	for _, day := range numbers(t, fields[4], 7) {
		for _, hour := range numbers(t, fields[1], 24) {
			for _, minute := range numbers(t, fields[0], 60) {
				found = append(found, time.Duration(day*24+hour)*time.Hour+time.Duration(minute)*time.Minute)
			}
		}
	}
	return found
}

// numbers reads a field of a schedule: "*", or numbers and ranges below n.
func numbers(t *testing.T, field string, n int) (found []int) {
	t.Helper()
	if field == "*" {
		field = "0-" + strconv.Itoa(n-1)
	}
	for part := range strings.SplitSeq(field, ",") {
		from, to, isRange := strings.Cut(part, "-")
		if !isRange {
			to = from
		}
		first, err := strconv.Atoi(from)
		last, err2 := strconv.Atoi(to)
		if err != nil || err2 != nil || first < 0 || last >= n || last < first {
			t.Fatalf("%q is no part of a schedule", part)
		}
		for i := first; i <= last; i++ {
			found = append(found, i)
		}
	}
	return found
}

// Who was killed keeps the source until the lease ends; each try before ends at
// once.
func TestAnImportJobIsTriedAgainWhenTheLeaseOfAKilledOneIsOver(t *testing.T) {
	t.Parallel()
	for _, c := range every[*batchv1.CronJob](t) {
		if last := pauses(*c.Spec.JobTemplate.Spec.BackoffLimit); last <= intake.Lease {
			t.Errorf("%s: the last try is %s after a kill, and the lease lasts %s", c.Name, last, intake.Lease)
		}
	}
}

// pauses is how long Kubernetes waits before all the tries that follow the
// first: 10 s, and twice as long each time.
func pauses(backoffLimit int32) time.Duration { return 10 * time.Second * (1<<backoffLimit - 1) }

// The zone of a schedule is else that of the cluster's controllers, and minute
// 0 is when everybody asks.
func TestSchedulesSayTheirZoneAndAvoidTheHour(t *testing.T) {
	t.Parallel()
	for _, c := range every[*batchv1.CronJob](t) {
		minute, rest, _ := strings.Cut(c.Spec.Schedule, " ")
		if len(strings.Fields(rest)) != 4 || minute == "0" || strings.ContainsAny(minute, "*@") {
			t.Errorf("%s: the schedule is %q", c.Name, c.Spec.Schedule)
		}
		if c.Spec.TimeZone == nil {
			t.Errorf("%s: no zone", c.Name)
		} else if _, err := time.LoadLocation(*c.Spec.TimeZone); err != nil || *c.Spec.TimeZone == "" {
			t.Errorf("%s: the zone is %q", c.Name, *c.Spec.TimeZone)
		}
	}
}
