// Package config is what an operator may set: it reads a YAML file and the environment into one Config, fills in
// the defaults and refuses what can't be meant.
//
// The file and the environment are one tree. MEDIAFERRY_WORKER__CONCURRENCY is worker.concurrency: the name is
// prefixed and upper case, and "__" goes one level down. The environment wins over the file, an empty text counts as
// not set, and the elements of a list are separated by commas. Five settings of the WeChat side have a short name
// besides: MEDIAFERRY_WECHAT_BASE_URL and MEDIAFERRY_WECHAT_PROXY for the section wechat, MEDIAFERRY_WECHAT_APPID,
// MEDIAFERRY_WECHAT_SECRET and MEDIAFERRY_WECHAT_ACCESS_TOKEN for the account named default. Every secret may be given as a file instead, by the key with "_file" behind it
// (MEDIAFERRY_WECHAT_SECRET_FILE, or secret_file in the YAML file).
//
// An unknown key or a bad value is an error that names the key and says what is accepted; all of them are reported
// at once. No error, and nothing that Config prints, holds the value of a secret.
package config
