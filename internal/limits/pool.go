package limits

import "sync/atomic"

// greed is how many times as much as is free one share may hold. A lone peer gets eight ninths of a
// pool, two get eight seventeenths each, and something is always left for one that comes later.
const greed = 8

// Pool is an amount that several peers share.
type Pool struct {
	size  int64
	floor int64 // of every share, in any case
	used  atomic.Int64
}

// NewPool returns a pool of the size. Each share may hold floor even if the pool is used up.
func NewPool(size, floor int64) *Pool { return &Pool{size: size, floor: floor} }

// Share is one peer's part of a pool.
type Share struct {
	pool *Pool
	used atomic.Int64 // far below 0 once it is closed
}

const closedShare = -1 << 62

// Share returns an empty share.
func (p *Pool) Share() *Share { return &Share{pool: p} }

// Take reserves n, and reports whether it could.
func (s *Share) Take(n int64) bool {
	held := s.used.Add(n)
	if held < 0 {
		return false // closed
	}
	free := s.pool.size - s.pool.used.Add(n) + n
	if held <= s.pool.floor || n <= free && held <= greed*free {
		return true
	}
	s.Give(n)
	return false
}

// Give returns n that was reserved.
func (s *Share) Give(n int64) {
	if s.used.Add(-n) >= 0 {
		s.pool.used.Add(-n)
	}
}

// Close returns all that is reserved. Nothing can be reserved or returned after that.
func (s *Share) Close() {
	if held := s.used.Swap(closedShare); held > 0 {
		s.pool.used.Add(-held)
	}
}
