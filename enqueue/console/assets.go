package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"time"
)

//go:embed assets
var assets embed.FS

// asset is a file that browsers keep: its address changes with its bytes.
type asset struct {
	name string
	body []byte
}

func (a asset) write(v *visit) error {
	v.w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeContent(v.w, v.Request, a.name, time.Time{}, bytes.NewReader(a.body))
	return nil
}

// assetPath is where a file is found.
func assetPath(name string) string {
	b, err := assets.ReadFile("assets/" + name)
	if err != nil {
		return "/assets/" + name
	}
	sum := sha256.Sum256(b)
	return "/assets/" + hex.EncodeToString(sum[:6]) + "/" + name
}

func (c *Console) assetRoutes() {
	c.open("GET /assets/{sum}/{name}", func(v *visit) (answer, error) {
		name := path.Base(v.PathValue("name"))
		b, err := assets.ReadFile("assets/" + name)
		if err != nil {
			return nil, notFound("file")
		}
		return asset{name, b}, nil
	})
}
