package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/corsd/corsd/internal/kube/kubetest"
)

// resources are the policies of the row about Kubernetes, each with two hosts and a rule.
const resources = 5000

// kubernetes measures corsd with many policies that are resources: its memory, and how long a change takes until it
// is live. The API server is a stand-in in this process, so what the real one needs is not included.
func (b *bench) kubernetes(ctx context.Context) ([]row, error) {
	api := kubetest.New()
	defer api.Close()
	for i := range resources {
		api.Put(resource(i, 600))
	}
	kubeconfig := filepath.Join(b.dir, "kubeconfig")
	if err := os.WriteFile(kubeconfig, []byte(api.Kubeconfig()), 0o600); err != nil {
		return nil, err
	}
	s, err := b.start(ctx, fromResources, kubeconfig)
	if err != nil {
		return nil, err
	}
	if err := s.awaitLive(ctx, 1); err != nil {
		return nil, err
	}
	var took []float64
	for i := range 5 {
		time.Sleep(2 * time.Second)
		began := time.Now()
		api.Put(resource(i, 700))
		if err := s.awaitLive(ctx, i+2); err != nil {
			return nil, err
		}
		took = append(took, s.logged(live)[i+1].Time.Sub(began).Seconds())
	}
	for end := time.Now().Add(4 * time.Minute); api.Writes() < resources && time.Now().Before(end); {
		time.Sleep(time.Second)
	}
	time.Sleep(5 * time.Second)
	resident, _, err := s.memory()
	if err != nil {
		return nil, err
	}
	memory := []float64{float64(resident) / (1 << 20)}
	of := fmt.Sprintf("%d resources of Kubernetes: ", resources)
	return []row{
		newRow(of+"until a change is live", "", "s", 0.3, took),
		newRow(of+"resident memory when all statuses are written", "", "MiB", 60, memory),
	}, nil
}

// awaitLive waits until policies have gone live a number of times.
func (s *server) awaitLive(ctx context.Context, times int) error {
	for end := time.Now().Add(2 * time.Minute); len(s.logged(live)) < times; time.Sleep(5 * time.Millisecond) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if time.Now().After(end) {
			return errors.New("the new policy is not live")
		}
	}
	return nil
}

func resource(i, maxAge int) kubetest.Object {
	return kubetest.Object{
		"apiVersion": "corsd.dev/v1alpha1", "kind": "CORSPolicy",
		"metadata": kubetest.Object{"namespace": fmt.Sprintf("team%d", i), "name": "api"},
		"spec": kubetest.Object{
			"hosts": []any{fmt.Sprintf("api%d.shop.example", i), fmt.Sprintf("api%d.other.example", i)},
			"cors": kubetest.Object{
				"allowOrigins":     []any{fmt.Sprintf("https://www%d.shop.example", i), "https://*.partner.example"},
				"allowCredentials": true, "maxAge": maxAge,
				"allowMethods": []any{"GET", "PUT", "DELETE"}, "allowHeaders": []any{"Content-Type", "Authorization"},
			},
			"rules": []any{kubetest.Object{
				"name":  "public",
				"match": kubetest.Object{"path": kubetest.Object{"value": "/public"}},
				"cors":  kubetest.Object{"allowOrigins": []any{"*"}, "allowCredentials": false},
			}},
		},
	}
}
