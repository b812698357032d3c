package tasks

// Params are the values of a reason and of its remedy, apart from their texts: programs read them, and people get them in
// their own language. Which are set depends on the rule and on the code. Texts in them hold no secret.
type Params struct {
	Rule     Rule      `json:"rule,omitempty"`      // that the file breaks
	Measured float64   `json:"measured,omitzero"`   // what the file has: bytes, pixels or seconds, as the rule says
	Limit    float64   `json:"limit,omitzero"`      // what is taken, in the same unit
	Format   string    `json:"format,omitempty"`    // what the file is: "WebP"
	Accepts  string    `json:"accepts,omitempty"`   // the formats that are taken instead: "JPEG, PNG, GIF"
	Type     MediaType `json:"type,omitempty"`      // as which media type the file was judged
	Remedy   Remedy    `json:"remedy,omitempty"`    // what to do about it
	Fix      bool      `json:"fix,omitzero"`        // the flag --fix makes the file fit
	SubmitAs MediaType `json:"submit_as,omitempty"` // the media type that takes the file, after the command if there is one
	Command  string    `json:"command,omitempty"`   // mends the file, with INPUT and OUTPUT in place of names
	Address  string    `json:"address,omitempty"`   // of this machine, as WeChat named it when it refused it
	Detail   string    `json:"detail,omitempty"`    // in the words of others: WeChat's errmsg, the place of a damage
	Text     *Text     `json:"text,omitempty"`      // what happened, where no rule says it
	Advice   *Text     `json:"advice,omitempty"`    // what to do about it, where it has values of its own
}

// Rule is what a file has to keep to.
type Rule string

// The rules. A measured value and its limit have the unit that stands behind them.
const (
	RuleKind      Rule = "kind"       // a format that is taken as this type
	RuleMedia     Rule = "media"      // a picture, sound or film at all
	RuleShown     Rule = "shown"      // a variant of its format that WeChat can show
	RuleBytes     Rule = "bytes"      // bytes
	RulePixels    Rule = "pixels"     // pixels
	RuleSeconds   Rule = "seconds"    // seconds
	RuleAnimation Rule = "animation"  // bytes, of a picture that moves and so can't be made to fit
	RuleOneFrame  Rule = "one_frame"  // one picture only
	RuleFixPixels Rule = "fix_pixels" // pixels that --fix takes
	RuleWhole     Rule = "whole"      // whole to its end
	RuleSound     Rule = "sound"      // undamaged
)

// Rules lists all of them.
var Rules = [...]Rule{
	RuleKind, RuleMedia, RuleShown, RuleBytes, RulePixels, RuleSeconds, RuleAnimation, RuleOneFrame, RuleFixPixels, RuleWhole, RuleSound,
}

// Remedy names what to do about a refusal where a command, --fix or another type alone does not say it.
type Remedy string

// The remedies.
const (
	RemedyLeaveOut Remedy = "leave_out"     // leave the file out, or turn it into one of the right kind
	RemedyGiveType Remedy = "give_type"     // give the type, or leave the file out
	RemedyExport   Remedy = "export_as_mp3" // export the sound anew, as MP3
	RemedySILK     Remedy = "decode_silk"   // decode it with silk-v3-decoder: the command
	RemedyFrame    Remedy = "take_frame"    // take one frame: the command
	RemedyRest     Remedy = "keep_rest"     // export it again, or keep what is left: the command
)

// Remedies lists all of them.
var Remedies = [...]Remedy{RemedyLeaveOut, RemedyGiveType, RemedyExport, RemedySILK, RemedyFrame, RemedyRest}
