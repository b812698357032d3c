package worker

// Load is how much of a part of a worker's slots and memory is taken now.
type Load struct {
	Lane        string // "bulk", "interactive", or "fixing" for pictures that are decoded
	Slots       int64  // uploads that are sent, or decoded, at once; some accounts may have a few more
	SlotsUsed   int64
	Memory      int64 // bytes
	MemoryUsed  int64
	MemoryWaits int64 // uploads that wait for memory
}

// Load returns the load of each lane.
func (w *Worker) Load() []Load {
	l := &w.lanes
	loads := []Load{l.bulk.load("bulk"), l.interactive.load("interactive")}
	fixing := Load{Lane: "fixing"}
	fixing.addSlots(l.fixing.slots)
	fixing.addMemory(l.fixing.bodies.free)
	fixing.addMemory(l.fixing.pixels)
	return append(loads, fixing)
}

func (l *lane) load(name string) Load {
	load := Load{Lane: name}
	load.addSlots(l.slots)
	load.addMemory(l.budget.free)
	return load
}

func (l *Load) addSlots(s *shares) {
	size, used, _ := s.usage()
	l.Slots += size
	l.SlotsUsed += used
}

func (l *Load) addMemory(s *shares) {
	size, used, waiting := s.usage()
	l.Memory += size
	l.MemoryUsed += used
	l.MemoryWaits += waiting
}

// usage returns how much there is for all accounts, how much is taken, and how many wait.
func (s *shares) usage() (size, used, waiting int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, line := range s.waiting {
		waiting += int64(len(line))
	}
	return s.size, s.used, waiting
}
