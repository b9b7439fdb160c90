//go:build linux

package main

import (
	"bytes"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// publish takes the rows of the runs into what is published, and writes that, the
// plots and the generated blocks of the document.
func (o options) publish(runs [][]record) error {
	data := filepath.Join(o.plots, "results.jsonl")
	p, err := readPublished(data)
	if err != nil {
		return err
	}
	for _, records := range runs {
		if len(records) == 0 {
			continue
		}
		for _, note := range p.merge(records[0].Run, rowsOf(records)) {
			log.Print(note)
		}
	}
	return p.write(o.document, o.plots, data)
}

// write writes all files, and none if the document does not fit.
func (p *published) write(document, plots, data string) error {
	frame, err := os.ReadFile(document)
	if err != nil {
		return err
	}
	rel, err := filepath.Rel(filepath.Dir(document), plots)
	if err != nil {
		return err
	}
	drawn := draw(p.rows)
	text, err := fillIn(frame, p.blocks(drawn, filepath.ToSlash(rel)))
	if err != nil {
		return fmt.Errorf("%s: %w", document, err)
	}
	lines, err := p.text()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(plots, 0o755); err != nil {
		return err
	}
	for _, d := range drawn {
		if err := os.WriteFile(filepath.Join(plots, d.file), d.svg, 0o644); err != nil {
			return err
		}
	}
	if err := os.WriteFile(data, lines, 0o644); err != nil {
		return err
	}
	return os.WriteFile(document, text, 0o644)
}

// The marks around a generated block, each on a line of its own.
var (
	beginMark = regexp.MustCompile(`^<!-- generated: ([a-z-]+) -->$`)
	endMark   = "<!-- end -->"
)

// fillIn replaces what is between the marks of each block. All blocks must be in the
// document once, and every link within it must lead somewhere.
func fillIn(document []byte, blocks map[string]string) ([]byte, error) {
	var out bytes.Buffer
	var inside string
	seen := map[string]bool{}
	for line := range bytes.Lines(document) {
		text := strings.TrimRight(string(line), "\r\n")
		begin := beginMark.FindStringSubmatch(text)
		switch {
		case begin != nil:
			name := begin[1]
			block, known := blocks[name]
			if inside != "" || seen[name] || !known {
				return nil, fmt.Errorf("block %q is inside another one, there twice, or unknown", name)
			}
			inside, seen[name] = name, true
			fmt.Fprintf(&out, "%s\n\n%s\n", text, strings.TrimSpace(block)+"\n")
		case text == endMark && inside == "":
			return nil, fmt.Errorf("%q without a beginning", endMark)
		case text == endMark:
			inside = ""
			out.Write(line)
		case inside == "":
			out.Write(line)
		}
	}
	if inside != "" {
		return nil, fmt.Errorf("block %q has no end", inside)
	}
	for name := range blocks {
		if !seen[name] {
			return nil, fmt.Errorf("no block %q: what is published stays", name)
		}
	}
	return out.Bytes(), deadLinks(out.String())
}

var (
	heading = regexp.MustCompile(`(?m)^#{1,6} +(.+?) *$`)
	within  = regexp.MustCompile(`\]\(#([^)]*)\)`)
)

// deadLinks is an error when a link within the text leads to no heading.
func deadLinks(text string) error {
	var anchors, dead []string
	for _, h := range heading.FindAllStringSubmatch(text, -1) {
		anchors = append(anchors, anchor(h[1]))
	}
	for _, l := range within.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(anchors, l[1]) && !slices.Contains(dead, l[1]) {
			dead = append(dead, l[1])
		}
	}
	if len(dead) > 0 {
		return fmt.Errorf("links that lead nowhere: #%s", strings.Join(dead, ", #"))
	}
	return nil
}

var notInAnchors = regexp.MustCompile(`[^\p{L}\p{N} _-]`)

// anchor is what the usual renderers make of a heading.
func anchor(heading string) string {
	return strings.ReplaceAll(notInAnchors.ReplaceAllString(strings.ToLower(heading), ""), " ", "-")
}
