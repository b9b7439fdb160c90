package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// maxTokens bounds a YAML file beside its size, as the time of the parser grows with the
// square of it.
const maxTokens = 20_000

// parseYAML reads YAML 1.2 without anchors, aliases, merges and tags: they would let a
// small file stand for a large one, and a configuration needs none.
func (r *reader) parseYAML(doc string) (root value) {
	root = value{kind: dict, at: place{1, 1}}
	tokens, ok := r.yamlTokens(doc)
	if !ok {
		return root
	}
	file, err := yamlFile(tokens)
	if err != nil {
		r.yamlError(err)
		return root
	}
	var docs []*ast.DocumentNode
	for _, d := range file.Docs {
		if d.Body != nil {
			docs = append(docs, d)
		}
	}
	switch {
	case len(docs) > 1:
		r.fail(yamlPlace(docs[1].Body), fmt.Errorf("%w: more than one document", ErrSyntax))
	case len(docs) == 1:
		return r.yamlValue(docs[0].Body, 0)
	}
	return root
}

// yamlFile keeps a bug of the parser from ending the program.
func yamlFile(tokens token.Tokens) (f *ast.File, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("the parser can not read this")
		}
	}()
	return parser.Parse(tokens, 0)
}

// yamlTokens refuses, before anything recurses, what is nested too deeply.
func (r *reader) yamlTokens(doc string) (tokens token.Tokens, ok bool) {
	defer func() {
		if recover() != nil {
			r.fail(place{}, fmt.Errorf("%w: this can not be read", ErrSyntax))
			ok = false
		}
	}()
	tokens = lexer.Tokenize(doc)
	if len(tokens) > maxTokens {
		at := tokens[maxTokens].Position
		r.fail(place{at.Line, at.Column}, fmt.Errorf("%w: more than %d words and signs", ErrTooLarge, maxTokens))
		return nil, false
	}
	flow, line, inLine := 0, 0, 0
	for _, t := range tokens {
		at := place{t.Position.Line, t.Position.Column}
		if at.line != line {
			line, inLine = at.line, 0
		}
		switch t.Type {
		case token.AnchorType, token.AliasType, token.TagType, token.MergeKeyType, token.DirectiveType:
			r.fail(at, fmt.Errorf("%w: anchors, aliases, merges, tags and directives are not read: write the value itself", ErrSyntax))
			return nil, false
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		case token.SequenceEntryType, token.MappingKeyType:
			inLine++
		}
		// A block that is deeper in begins further to the right.
		if flow > maxDepth || inLine > maxDepth || at.column > 10*maxDepth && t.Type == token.SequenceEntryType {
			r.fail(at, fmt.Errorf("%w: nested more than %d deep", ErrTooLarge, maxDepth))
			return nil, false
		}
	}
	return tokens, true
}

func (r *reader) yamlError(err error) {
	at, message := place{}, err.Error()
	if e, ok := errors.AsType[yaml.Error](err); ok {
		message = e.GetMessage()
		if t := e.GetToken(); t != nil && t.Position != nil {
			at = place{t.Position.Line, t.Position.Column}
		}
	}
	if _, ok := errors.AsType[*yaml.DuplicateKeyError](err); ok || strings.Contains(message, "already defined") {
		r.fail(at, fmt.Errorf("%w: %s", ErrDuplicateKey, shortened(message)))
		return
	}
	r.fail(at, fmt.Errorf("%w: %s", ErrSyntax, shortened(message)))
}

func yamlPlace(n ast.Node) place {
	if t := n.GetToken(); t != nil && t.Position != nil {
		return place{t.Position.Line, t.Position.Column}
	}
	return place{}
}

func (r *reader) yamlValue(n ast.Node, depth int) value {
	v := value{at: yamlPlace(n)}
	if depth > maxDepth {
		r.fail(v.at, fmt.Errorf("%w: nested more than %d deep", ErrTooLarge, maxDepth))
		return v
	}
	switch n := n.(type) {
	case *ast.StringNode:
		v.kind, v.text = text, n.Value
	case *ast.LiteralNode:
		v.kind, v.text = text, n.Value.Value
	case *ast.IntegerNode:
		return yamlNumber(v, n.Value)
	case *ast.FloatNode:
		v.kind, v.frac = fraction, n.Value
	case *ast.BoolNode:
		v.kind, v.on = boolean, n.Value
	case *ast.SequenceNode:
		v.kind = list
		for _, item := range n.Values {
			v.list = append(v.list, r.yamlValue(item, depth+1))
		}
	case *ast.MappingNode:
		v.kind = dict
		for _, pair := range n.Values {
			v.keys = append(v.keys, r.yamlEntry(pair, depth))
		}
	case *ast.MappingValueNode:
		v.kind, v.keys = dict, []entry{r.yamlEntry(n, depth)}
	case *ast.NullNode:
		v.text = "nothing"
	default:
		v.text = "something else"
	}
	return v
}

func (r *reader) yamlEntry(pair *ast.MappingValueNode, depth int) entry {
	e := entry{at: yamlPlace(pair.Key), value: r.yamlValue(pair.Value, depth+1)}
	switch k := pair.Key.(type) {
	case *ast.StringNode:
		e.name = k.Value
	default:
		if t := k.GetToken(); t != nil {
			e.name = t.Value
		}
	}
	return e
}

func yamlNumber(v value, n any) value {
	v.kind = number
	switch n := n.(type) {
	case int64:
		v.num = n
	case uint64:
		v.num = int64(n)
		if v.num < 0 {
			v.kind, v.text = odd, "a number that is too large"
		}
	default:
		v.kind, v.text = odd, "a number that is too large"
	}
	return v
}

// shortened is the message of a library on one line. Some repeat the file, which may
// have the text of a private key in it.
func shortened(message string) string {
	message, _, _ = strings.Cut(message, "\n")
	if len(message) > 200 || strings.Contains(message, "-----BEGIN") {
		return "this can not be read"
	}
	return message
}
