package limits

import (
	"sync"
	"testing"
)

// takeAll takes from the share until it is empty, and returns the number.
func takeAll(s *Share) (n int64) {
	for s.Take(1) {
		n++
	}
	return n
}

func TestPoolBounds(t *testing.T) {
	for _, row := range []struct {
		why   string
		size  int64
		floor int64
		want  []int64 // what each of several shares gets that take all they can, in turn
	}{
		{"a lone share gets eight ninths", 900, 0, []int64{800}},
		{"and leaves something for those that come later", 900, 0, []int64{800, 89, 10, 1, 0}},
		{"a pool of one is enough for one", 1, 0, []int64{1, 0}},
		{"an empty pool is for nobody", 0, 0, []int64{0}},
		{"but for the floor, which everyone has", 0, 3, []int64{3, 3}},
		{"the floor is no more than a beginning", 90, 2, []int64{80, 9, 2, 2, 2}},
	} {
		t.Run(row.why, func(t *testing.T) {
			p := NewPool(row.size, row.floor)
			for i, want := range row.want {
				if got := takeAll(p.Share()); got != want {
					t.Errorf("share %d: %d, want %d", i, got, want)
				}
			}
		})
	}
}

// All that is returned, or held by a share that is closed, is there again, whoever closes it when.
func TestPoolIsWholeAgain(t *testing.T) {
	p := NewPool(1000, 5)
	var group sync.WaitGroup
	for range 20 {
		s := p.Share()
		for range 4 {
			group.Go(func() {
				for range 1000 {
					if s.Take(3) {
						s.Give(3)
					}
				}
			})
		}
		group.Go(func() {
			s.Take(7)
			s.Close()
			if s.Take(1) {
				t.Error("taken from a share that is closed")
			}
		})
	}
	group.Wait()
	if used := p.used.Load(); used != 0 {
		t.Errorf("%d are still in use", used)
	}
}
