package house_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Every goroutine that we start ends in words when it panics: it defers crash.Recover, or in the proxy contain, which ends one exchange.
// Started are what a go statement calls, and what is given to a WaitGroup's Go and to AfterFunc. One that does nothing but call another
// package, as a Close does, has nothing of ours in it that could fail.
func TestGoroutinesRecover(t *testing.T) {
	packages := map[string]map[string]*ast.File{} // by folder and path
	files := token.NewFileSet()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (slices.Contains([]string{"e2e", "testdata", "enginetest", "certstest", ".git"}, d.Name())) {
			return filepath.SkipDir // what runs in tests alone
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		folder := filepath.Dir(path)
		if packages[folder] == nil {
			packages[folder] = map[string]*ast.File{}
		}
		packages[folder][path] = file
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, p := range packages {
		bodies := functions(p)
		for _, file := range p {
			for _, d := range file.Decls {
				for _, started := range goroutines(d) {
					found++
					if !recovers(started, receiverOf(d), bodies) {
						t.Errorf("%s: this goroutine does not begin with defer crash.Recover()", files.Position(started.Pos()))
					}
				}
			}
		}
	}
	if found < 40 {
		t.Errorf("found only %d goroutines: the test does not see them", found)
	}
}

// receiver is that of a method: s and serving in func (s *serving) run().
type receiver struct{ name, of string }

func receiverOf(d ast.Decl) (r receiver) {
	f, ok := d.(*ast.FuncDecl)
	if !ok || f.Recv == nil || len(f.Recv.List[0].Names) == 0 {
		return r
	}
	of := f.Recv.List[0].Type
	if pointer, ok := of.(*ast.StarExpr); ok {
		of = pointer.X
	}
	return receiver{f.Recv.List[0].Names[0].Name, nameOf(of)}
}

// functions are the bodies of a package's functions and methods: by name, and those of methods also with their type before it.
func functions(p map[string]*ast.File) map[string][]*ast.BlockStmt {
	bodies := map[string][]*ast.BlockStmt{}
	for _, file := range p {
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Body == nil {
				continue
			}
			bodies[f.Name.Name] = append(bodies[f.Name.Name], f.Body)
			if r := receiverOf(d); r.of != "" {
				bodies[r.of+"."+f.Name.Name] = []*ast.BlockStmt{f.Body}
			}
		}
	}
	return bodies
}

// goroutines are the functions that a declaration has run in goroutines of their own.
func goroutines(d ast.Decl) (started []ast.Expr) {
	ast.Inspect(d, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			started = append(started, n.Call.Fun)
		case *ast.CallExpr:
			if name := nameOf(n.Fun); (name == "Go" || name == "AfterFunc") && len(n.Args) > 0 {
				started = append(started, n.Args[len(n.Args)-1])
			}
		}
		return true
	})
	return started
}

// recovers says whether a function defers what recovers, or does nothing but call one that does. Of a method of another value than the
// enclosing method's receiver the type is not known here: one of that name has to.
func recovers(started ast.Expr, in receiver, bodies map[string][]*ast.BlockStmt) bool {
	literal, ok := started.(*ast.FuncLit)
	if !ok {
		name := nameOf(started)
		named := bodies[name]
		if s, ok := started.(*ast.SelectorExpr); ok && in.name != "" && nameOf(s.X) == in.name && bodies[in.of+"."+name] != nil {
			named = bodies[in.of+"."+name]
		}
		return name == "Close" || len(named) == 0 || slices.ContainsFunc(named, defersRecover)
	}
	if defersRecover(literal.Body) {
		return true
	}
	if len(literal.Body.List) != 1 {
		return false
	}
	var call ast.Expr
	switch only := literal.Body.List[0].(type) {
	case *ast.ExprStmt:
		call = only.X
	case *ast.AssignStmt: // of a result to _
		call = only.Rhs[0]
	}
	called, ok := call.(*ast.CallExpr)
	return ok && recovers(called.Fun, in, bodies)
}

func defersRecover(body *ast.BlockStmt) bool {
	return slices.ContainsFunc(body.List, func(s ast.Stmt) bool {
		d, ok := s.(*ast.DeferStmt)
		return ok && slices.Contains([]string{"Recover", "contain"}, nameOf(d.Call.Fun))
	})
}

// nameOf is the name that an expression calls, without what stands before its last dot.
func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}
