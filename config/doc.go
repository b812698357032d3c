// Package config is what an operator may set. It reads a YAML file and the environment into one Config, fills in the
// defaults and refuses what can't be meant.
//
// The file and the environment are one tree. MEDIAFERRY_WORKER__CONCURRENCY is worker.concurrency: the name is
// prefixed and upper case, and "__" goes one level down. The environment wins over the file. An empty text counts as
// not set. Commas separate the elements of a list. Five settings of the WeChat side have a short name besides:
// MEDIAFERRY_WECHAT_BASE_URL and MEDIAFERRY_WECHAT_PROXY for the section wechat, MEDIAFERRY_WECHAT_APPID,
// MEDIAFERRY_WECHAT_SECRET and MEDIAFERRY_WECHAT_ACCESS_TOKEN for the account named default. Every secret may be given
// as a file instead, by the key with "_file" behind it (MEDIAFERRY_WECHAT_SECRET_FILE, or secret_file in the YAML file).
//
// An unknown key or a bad value is an error that names the key and says what is accepted; all of them are reported
// at once. No error, and nothing that Config prints, holds the value of a secret.
//
// koanf merges the layers, and mapstructure fills the fields. The rest is what they can't do:
//
//	config.go              the settings themselves, with tags that describe them
//	schema.go, value.go    read the tags: which keys there are, what each accepts
//	load.go, file.go, env.go  turn file and variables into keys, with the place of each for messages
//	checks.go              kinds of text: a name, a URL, a key
//	complete.go            defaults that depend on the environment or on other settings
//	validate.go, check.go  settings that contradict each other, or that a command can't do without
//	redis.go               one form of redis_url for servers, sockets, sentinels and clusters
//	dsn.go, size.go        values with a form of their own; a DSN and a Command hide their secrets
//	print.go, suggest.go   print config; "did you mean"
package config
