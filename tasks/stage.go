package tasks

// Stage is a part of an upload's way through a worker, whose time is measured.
type Stage string

// The stages, in the order of the way. Those that an upload has no need of are left out.
const (
	StageOpen     Stage = "open"     // the source is opened
	StageRead     Stage = "read"     // its bytes are read
	StageValidate Stage = "validate" // they are checked and, where the upload allows it, made to fit
	StageToken    Stage = "token"    // the account's access token is got, from memory, Redis or WeChat
	StageUpload   Stage = "upload"   // the call of WeChat
	StageRecord   Stage = "record"   // the ledger commits how it ended
)

// Stages lists them all.
var Stages = [...]Stage{StageOpen, StageRead, StageValidate, StageToken, StageUpload, StageRecord}
