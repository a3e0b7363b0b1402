// Package api turns operations, which are values, into an HTTP server and into
// the OpenAPI document that describes it. It binds and checks input, asks who
// is calling, encodes answers and is the one place that turns an error into a
// response. It knows nothing of the domain: not what a customer is.
package api

import (
	"context"
	"iter"
	"net/http"
	"reflect"

	"floe/internal/auth"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/schema"
)

// Operation is one thing a caller can do: a method, a path, who may call it,
// typed input and output, and a function from one to the other.
type Operation struct {
	Method     string
	Path       string // canonical form, as documents show it; both slash forms are served
	ID         string
	Summary    string
	Doc        string
	Status     int
	Needs      []auth.Scope // any one of them is enough
	Kinds      []auth.Kind  // who is accepted; others count as having no credential
	public     bool
	private    bool
	limited    bool
	tagged     bool
	primary    bool
	remembered bool
	errors     []Failure
	media      string
	input      *input
	output     reflect.Type
	run        func(ctx context.Context, sub auth.Subject, in reflect.Value) (any, error)
	follow     func(ctx context.Context, sub auth.Subject, in reflect.Value, to *Events) error // nil for most
}

// Failure is an error that an operation documents.
type Failure struct {
	Kind   fault.Kind
	Detail string
}

// None is the output of an operation that answers without a body.
type None struct{}

// Func is the function of an operation.
type Func[I, O any] func(ctx context.Context, sub auth.Subject, in I) (O, error)

// Get declares a read.
func Get[I, O any](path string, h Func[I, O]) *Operation {
	return declare(http.MethodGet, path, http.StatusOK, h)
}

// Post declares a creation; it answers 201.
func Post[I, O any](path string, h Func[I, O]) *Operation {
	return declare(http.MethodPost, path, http.StatusCreated, h)
}

// Patch declares a change.
func Patch[I, O any](path string, h Func[I, O]) *Operation {
	return declare(http.MethodPatch, path, http.StatusOK, h)
}

// Delete declares a deletion; it answers 204.
func Delete[I any](path string, h func(ctx context.Context, sub auth.Subject, in I) error) *Operation {
	return declare(http.MethodDelete, path, http.StatusNoContent, func(ctx context.Context, sub auth.Subject, in I) (None, error) {
		return None{}, h(ctx, sub, in)
	})
}

// Table is the output of an export: rows that are streamed as CSV. Each is used
// up before the next is asked for, so they may share a slice.
type Table struct {
	Name   string // file name without its ending
	Header []string
	Rows   iter.Seq2[[]string, error]
}

// CSV declares an export.
func CSV[I any](path string, h Func[I, Table]) *Operation {
	o := declare(http.MethodGet, path, http.StatusOK, h)
	o.media = "text/csv"
	return o
}

func declare[I, O any](method, path string, status int, h Func[I, O]) *Operation {
	return &Operation{
		Method: method, Path: path, Status: status, media: "application/json",
		Kinds: []auth.Kind{auth.User, auth.Organization},
		input: compileInput(reflect.TypeFor[I]()), output: reflect.TypeFor[O](),
		run: func(ctx context.Context, sub auth.Subject, in reflect.Value) (any, error) {
			out, err := h(ctx, sub, *in.Addr().Interface().(*I))
			return &out, err
		},
	}
}

// Scopes says what a credential needs: any one of the scopes.
func (o *Operation) Scopes(any ...auth.Scope) *Operation { o.Needs = any; return o }

// For says which kinds of subject are accepted instead of users and
// organizations.
func (o *Operation) For(kinds ...auth.Kind) *Operation { o.Kinds = kinds; return o }

// Public marks an operation that anyone may call.
func (o *Operation) Public() *Operation { o.public = true; return o }

// Private leaves an operation out of the document.
func (o *Operation) Private() *Operation { o.private = true; return o }

// Tagged gives answers a weak ETag, and none to those who have it already.
func (o *Operation) Tagged() *Operation { o.tagged = true; return o }

// Concerned is an answer that can be used again until something of the
// customer's changes, or something of the organization's that is no customer's.
// It must depend on nothing else: not on the time, and of the caller only on
// the organizations that it can see.
type Concerned interface {
	Concerns() (organization, customer id.ID)
}

// Remembered lets answers be used again for as long as db.Versions say that
// nothing has changed. The output must be Concerned.
func (o *Operation) Remembered() *Operation {
	if !o.output.Implements(reflect.TypeFor[Concerned]()) {
		panic("api: " + o.Path + " does not say whom its answers concern")
	}
	o.remembered = true
	return o
}

// Primary keeps a read from replicas: for what asks the database about the
// transactions that are running.
func (o *Operation) Primary() *Operation { o.primary = true; return o }

// Limited marks an operation that one address may not call too often.
func (o *Operation) Limited() *Operation { o.limited = true; return o }

// Named gives the operation id and summary.
func (o *Operation) Named(id, summary string) *Operation { o.ID, o.Summary = id, summary; return o }

// About adds a description.
func (o *Operation) About(doc string) *Operation { o.Doc = doc; return o }

// Fails documents an error.
func (o *Operation) Fails(k fault.Kind, detail string) *Operation {
	o.errors = append(o.errors, Failure{k, detail})
	return o
}

// accepts checks the kind of the subject, then its scopes.
func (o *Operation) accepts(sub *auth.Subject) error {
	if o.public {
		return nil
	}
	for _, k := range o.Kinds {
		if k == sub.Kind {
			if sub.Has(o.Needs) {
				return nil
			}
			return insufficientScope{o.Needs}
		}
	}
	return fault.Unauthorized.New()
}

// bodyPlan is nil for an operation without a body.
func (o *Operation) bodyPlan() *schema.Plan { return o.input.body }
