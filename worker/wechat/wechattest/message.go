package wechattest

// message is a message of customer service that names a media: a part of what WeChat takes.
type message struct {
	ToUser string `json:"touser"`
	Type   string `json:"msgtype"`
	Image  named  `json:"image"`
	Voice  named  `json:"voice"`
	Video  named  `json:"video"`
}

// named is what names a media.
type named struct {
	MediaID string `json:"media_id"`
}

// sendCustom is POST /cgi-bin/message/custom/send: it looks for the media that the message names.
func (s *Sandbox) sendCustom(c *call) answer {
	var m message
	if !s.readJSON(c, &m) || m.ToUser == "" {
		return s.refuse(c, badJSON, "")
	}
	of, known := map[string]named{"image": m.Image, "voice": m.Voice, "video": m.Video}[m.Type]
	if !known {
		return s.refuse(c, badMessageType, "")
	}
	s.mu.Lock()
	medium, found := s.media.find(of.MediaID, c.now)
	s.mu.Unlock()
	if !found || medium.account != c.account {
		return s.refuse(c, badMediaID, "")
	}
	c.MediaID, c.Type = of.MediaID, m.Type
	return ok(struct {
		Errcode int    `json:"errcode"`
		Errmsg  string `json:"errmsg"`
	}{0, "ok"})
}
