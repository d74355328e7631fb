package localpostgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/log"
)

// engineTimeout is how long an engine may take to say that it is there.
const engineTimeout = 3 * time.Second

// patience is how long a pull may take in all, and without any sign of progress.
type patience struct{ total, stall time.Duration }

// engine finds an engine that answers.
func engine(ctx context.Context) (*testcontainers.DockerProvider, error) {
	ctx, cancel := context.WithTimeout(ctx, engineTimeout)
	defer cancel()
	provider, err := testcontainers.NewDockerProvider(
		testcontainers.WithDefaultBridgeNetwork(testcontainers.Bridge), // else it makes a network, and leaves it
		testcontainers.WithLogger(log.NewNoopLogger()),
	)
	if err != nil {
		return nil, fmt.Errorf("no engine answers: %w", err)
	}
	if _, err := provider.Client().Ping(ctx, client.PingOptions{NegotiateAPIVersion: true}); err != nil {
		return nil, errors.Join(fmt.Errorf("no engine answers: %w", err), provider.Close())
	}
	return provider, nil
}

// fetch sees to it that the engine has the image, and gives up on a registry
// that does not answer.
func fetch(ctx context.Context, docker client.APIClient, image string, limit patience) error {
	_, err := docker.ImageInspect(ctx, image)
	if err == nil || !errdefs.IsNotFound(err) {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit.total, fmt.Errorf("not done after %s", limit.total))
	defer cancel()
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	stall := time.AfterFunc(limit.stall, func() { giveUp(fmt.Errorf("nothing came for %s", limit.stall)) })
	defer stall.Stop()

	failed := func(err error) error {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return fmt.Errorf("the engine has no image %s and cannot pull it: %w", image, err)
	}
	progress, err := docker.ImagePull(ctx, image, client.ImagePullOptions{})
	if err != nil {
		return failed(err)
	}
	defer progress.Close()
	for message, err := range progress.JSONMessages(ctx) {
		stall.Reset(limit.stall)
		if err != nil {
			return failed(err)
		}
		if message.Error != nil {
			return failed(message.Error)
		}
	}
	return nil
}
