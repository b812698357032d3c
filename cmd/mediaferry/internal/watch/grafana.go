package watch

import "encoding/json"

// Three panels lie side by side in Grafana's 24 columns.
const (
	panelWidth  = 8
	panelHeight = 7
	gridWidth   = 24
)

type object = map[string]any

// Dashboard writes the dashboard as Grafana imports it. It asks for the data source.
func Dashboard() ([]byte, error) {
	source := object{"type": "prometheus", "uid": "${datasource}"}
	var panels []object
	y := 0
	add := func(p object, x, w, h int) {
		p["id"], p["gridPos"] = len(panels)+1, object{"x": x, "y": y, "w": w, "h": h}
		panels = append(panels, p)
	}
	for _, row := range Rows {
		add(object{"type": "row", "title": row.Title, "collapsed": false, "panels": []object{}}, 0, gridWidth, 1)
		y++
		for i, p := range row.Panels {
			x := i * panelWidth % gridWidth
			add(object{
				"type": "timeseries", "title": p.Title, "datasource": source, "targets": targets(p, source),
				"fieldConfig": object{"defaults": object{"unit": p.Unit, "min": 0}, "overrides": []object{}},
			}, x, panelWidth, panelHeight)
			if x+panelWidth == gridWidth || i == len(row.Panels)-1 {
				y += panelHeight
			}
		}
	}
	return json.MarshalIndent(object{
		"title": "mediaferry", "uid": "mediaferry", "tags": []string{"mediaferry"}, "schemaVersion": 39, "editable": true,
		"refresh": "30s", "time": object{"from": "now-6h", "to": "now"}, "timezone": "browser",
		"templating": object{"list": []object{{"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Data source"}}},
		"panels":     panels,
	}, "", "  ")
}

func targets(p Panel, source object) []object {
	var ts []object
	for i, q := range p.Queries {
		ts = append(ts, object{"refId": string(rune('A' + i)), "expr": q.Expr, "legendFormat": q.Legend, "datasource": source})
	}
	return ts
}
