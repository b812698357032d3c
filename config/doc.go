// Package config is what an operator may set. Load reads a YAML file and the environment into one Config, fills in the
// defaults and refuses what can't be right.
//
// The file and the environment are one tree. MEDIAFERRY_WORKER__CONCURRENCY is worker.concurrency: the name is
// prefixed and upper case, and "__" goes one level down. The environment wins over the file. An empty text counts as
// not set. Commas separate the elements of a list. Five settings of the WeChat side have a short name besides:
// MEDIAFERRY_WECHAT_BASE_URL and MEDIAFERRY_WECHAT_PROXY for the section wechat, MEDIAFERRY_WECHAT_APPID,
// MEDIAFERRY_WECHAT_SECRET and MEDIAFERRY_WECHAT_ACCESS_TOKEN for the account named default. Every secret may be given
// as a file instead, by the key with "_file" behind it (MEDIAFERRY_WECHAT_SECRET_FILE, or secret_file in the YAML file).
//
// An unknown key or a bad value is an error that names the key and says what is accepted. Load reports all of them at
// once. No error, and nothing that Config prints, holds the value of a secret.
//
// koanf merges the layers and fills the fields, yaml parses the file, and go-redis parses its URLs. The rest is what
// they can't do:
//
//   - config.go has the settings, as fields with tags. A new setting is a line there.
//   - setting.go reads the tags: which keys there are. value.go turns a text into a value, and says what is accepted
//     instead. kind.go has the kinds of text, such as a name or a URL. A library would refuse in its own words.
//   - load.go takes the layers one after the other. file.go and env.go read them, and keep where each value stands:
//     a message names the line or the variable.
//   - complete.go fills in the defaults that no tag can hold, since they depend on other settings.
//   - validate.go refuses settings that contradict each other. check.go refuses those that a command can't do
//     without, and warns of those that are seldom meant. derived.go answers what follows from several settings.
//   - redis.go gives servers, sockets, sentinels and clusters one form of URL.
//   - dsn.go and size.go are types of values. A DSN and a Command hide their secrets.
//   - print.go prints the settings in force, as a file that Load takes. suggest.go asks "did you mean".
package config
