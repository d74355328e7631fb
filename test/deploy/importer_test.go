package deploy

import (
	"slices"
	"strings"
	"testing"
	"time"

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
		container := job.Template.Spec.Containers[0]
		if len(container.Args) != 2 || container.Args[0] != "run" {
			t.Fatalf("%s: the arguments are %v", c.Name, container.Args)
		}
		flag, text, _ := strings.Cut(container.Args[1], "=")
		timeout, err := time.ParseDuration(text)
		if flag != "--timeout" || err != nil {
			t.Fatalf("%s: the arguments are %v", c.Name, container.Args)
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
