package words

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Help has the help texts of one command, and of those below it, in a language that is not English.
type Help struct {
	Short   string            `yaml:"short"`
	Long    string            `yaml:"long"`
	Example string            `yaml:"example"` // the same lines, with other words beside the commands
	Flags   map[string]string `yaml:"flags"`
	// Template has cobra's own words, by the English ones. Only the root has it.
	Template map[string]string `yaml:"template"`
	Below    map[string]Help   `yaml:"commands"`
}

// HelpFile is the file of help that a command of the first level has.
func HelpFile(command string) string { return "help/" + command + ".yaml" }

// ReadHelp returns the Chinese help of a command of the first level. The root's is that of mediaferry.
func ReadHelp(command string) (Help, error) {
	b, err := files.ReadFile(HelpFile(command))
	if err != nil {
		return Help{}, err
	}
	var h Help
	if err := yaml.Unmarshal(b, &h); err != nil {
		return Help{}, fmt.Errorf("read %s: %w", HelpFile(command), err)
	}
	h.trim()
	return h, nil
}

// trim takes the line end that YAML leaves behind a text.
func (h *Help) trim() {
	h.Long, h.Example = strings.TrimRight(h.Long, "\n"), strings.TrimRight(h.Example, "\n")
	for name, sub := range h.Below {
		sub.trim()
		h.Below[name] = sub
	}
}
