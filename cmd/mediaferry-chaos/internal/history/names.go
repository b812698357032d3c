package history

// The names of the attacks on clocks. They explain times that are wrong.
const (
	ClockAhead   = "clock-ahead"
	ClockBack    = "clock-back"
	ClockProcess = "clock-process"
)

// UploadPath ends the path of WeChat's upload call.
const UploadPath = "media/upload"
