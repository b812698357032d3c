package wechattest

import "net/http"

const controlPrefix = "/_sandbox/"

func (s *Sandbox) controls() *http.ServeMux { return http.NewServeMux() }
