package media

// jpegFrame is the geometry of a picture, and how much of it has been seen.
type jpegFrame struct {
	progressive bool
	components  []jpegComponent
	mcusWide    int // of a scan of several components
	mcusHigh    int
	blocks      int  // of all components
	visited     int  // blocks, by all scans
	skipped     bool // picture data was skipped, not counted
}

// jpegComponent is one component: Y, Cb, …
type jpegComponent struct {
	id, quant    byte
	wide, high   int      // blocks in one MCU of several components
	across, down int      // blocks in all
	done         bool     // a scan of it came to its end
	missing      [64]int8 // lowest bits of each coefficient that no scan has brought; negative before its first
	nonzero      []uint64 // of each block, which coefficients are not zero; of progressive pictures alone
}

const (
	// maxCounted is up to how many pixels the picture data is looked at: a progressive picture needs memory for each
	// of its blocks, up to half a byte a pixel. Larger ones are walked by their markers.
	maxCounted = 128_000_000
	// maxVisits is how often each block is looked at, on average. Progressive encoders make about ten scans; a hostile
	// file could ask for a hundred thousand.
	maxVisits = 100
)

// read reads the components of a frame header.
func (f *jpegFrame) read(progressive bool, width, height int, body []byte) error {
	f.progressive = progressive
	f.skipped = width*height > maxCounted
	wide, high := 1, 1
	for i := 0; i < len(body); i += 3 {
		c := jpegComponent{id: body[i], wide: int(body[i+1] >> 4), high: int(body[i+1] & 0x0f), quant: body[i+2]}
		if c.wide < 1 || c.wide > 4 || c.high < 1 || c.high > 4 || c.quant > 3 {
			return corrupt("JPEG has a damaged frame header: component %d is sampled %d × %d", c.id, c.wide, c.high)
		}
		for k := range c.missing {
			c.missing[k] = -1
		}
		f.components = append(f.components, c)
		wide, high = max(wide, c.wide), max(high, c.high)
	}
	f.mcusWide, f.mcusHigh = ceil(width, 8*wide), ceil(height, 8*high)
	for i := range f.components {
		c := &f.components[i]
		c.across, c.down = ceil(ceil(width*c.wide, wide), 8), ceil(ceil(height*c.high, high), 8)
		f.blocks += c.across * c.down
	}
	return nil
}

// ceil is a divided by b, rounded up.
func ceil(a, b int) int { return (a + b - 1) / b }

// scanned reports whether there is something to show of every component.
func (f *jpegFrame) scanned() bool {
	for i := range f.components {
		if c := &f.components[i]; !f.skipped && !c.done {
			return false
		}
	}
	return true
}

// complete reports whether every block of every component is there, to the last bit: nothing that follows can add to
// the picture.
func (f *jpegFrame) complete() bool {
	if f.skipped || len(f.components) == 0 || !f.scanned() {
		return false
	}
	for i := range f.components {
		for _, bits := range f.components[i].missing {
			if f.progressive && bits != 0 {
				return false
			}
		}
	}
	return true
}
