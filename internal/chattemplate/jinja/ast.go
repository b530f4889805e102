package jinja

// expr is an expression; eval gives its value or raises.
type expr interface{ eval(r *run) any }

type (
	constExpr struct{ value any }
	nameExpr  struct{ name string }
	listExpr  struct{ items []expr }
	tupleExpr struct{ items []expr }
	dictExpr  struct{ keys, values []expr }
	attrExpr  struct {
		x    expr
		name string
	}
	itemExpr  struct{ x, index expr }
	sliceExpr struct{ start, stop, step expr } // each may be nil; only as the index of an itemExpr
	callExpr  struct {
		fn   expr
		args argExprs
	}
	filterExpr struct {
		x    expr // nil in a filter block, where the block's text comes in
		name string
		fn   filterFunc // nil when there is no such filter
		args argExprs
	}
	testExpr struct {
		x    expr
		name string
		fn   testFunc // nil when there is no such test
		args argExprs
	}
	condExpr struct {
		test, then, otherwise expr // otherwise may be nil
		line                  int
	}
	andExpr     struct{ left, right expr }
	orExpr      struct{ left, right expr }
	notExpr     struct{ x expr }
	compareExpr struct {
		first expr
		ops   []string
		rest  []expr
	}
	binaryExpr struct {
		op          string
		left, right expr
	}
	unaryExpr struct {
		op string
		x  expr
	}
	concatExpr struct{ items []expr }
)

// argExprs are the arguments of a call, filter or test.
type argExprs struct {
	positional   []expr
	names        []string
	named        []expr
	star, kwstar expr // nil when absent
}

// signal is how a statement ends.
type signal uint8

const (
	done signal = iota
	breakLoop
	continueLoop
)

// stmt is a statement; exec writes its output or raises.
type stmt interface{ exec(r *run) signal }

type (
	textStmt  struct{ text string }
	printStmt struct {
		x    expr
		line int
	}
	setStmt struct {
		target target
		value  expr
		line   int
	}
	setBlockStmt struct {
		target target
		filter *filterExpr // nil when absent
		body   []stmt
		hidden []string // names that are undefined when the scope is entered, as for the other statements; see symbols
	}
	ifStmt struct {
		branches  []branch
		otherwise []stmt
	}
	branch struct {
		test expr
		body []stmt
		line int
	}
	forStmt struct {
		target          target
		iter, test      expr // test may be nil
		recursive       bool
		body, otherwise []stmt
		hidden          []string
		hiddenElse      []string
		line            int
	}
	macroStmt struct {
		name     string
		params   []string
		defaults []expr // of the last params
		body     []stmt
		// Whether the body uses these names makes them parameters.
		caller, kwargs, varargs bool
		hidden                  []string
	}
	callBlockStmt struct {
		call *callExpr
		body *macroStmt
		line int
	}
	filterBlockStmt struct {
		filter *filterExpr
		body   []stmt
		hidden []string
	}
	withStmt struct {
		targets []target
		values  []expr
		body    []stmt
		hidden  []string
	}
	signalStmt struct{ signal signal }
)

// target is what can be assigned to.
type target interface{ assign(r *run, v any) }

type (
	nameTarget  struct{ name string }
	attrTarget  struct{ name, attr string } // attribute of a namespace
	tupleTarget struct{ targets []target }
)
