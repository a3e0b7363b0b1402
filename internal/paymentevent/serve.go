package paymentevent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"floe/internal/fault"
	"floe/internal/payment"
)

// Path is where processors tell what they have to tell: at this path,
// their name, and "/events".
const Path = "/processors/"

// MaxSize is how long what a processor tells may be.
const MaxSize = 1 << 20

// Serve takes in what a processor tells. Whatever is not answered with
// 2xx it is expected to tell again.
func (s *Service) Serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != Path+s.Payments.Processor.Name()+"/events" || s.Payments.Processor.Name() == payment.ManualName {
		http.Error(w, "There is no such processor.", http.StatusNotFound)
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxSize))
	if err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			http.Error(w, fmt.Sprintf("An event may have %d bytes.", MaxSize), http.StatusRequestEntityTooLarge)
			return
		}
		http.Error(w, "The body did not arrive.", http.StatusBadRequest)
		return
	}
	list, err := s.Payments.Processor.ParseWebhook(r.Header, body)
	if slices.ContainsFunc(list, func(e payment.Event) bool { return e.ID == "" }) {
		err = errors.Join(err, errNameless)
	}
	switch {
	case errors.Is(err, payment.ErrSignature):
		http.Error(w, "The signature is not right.", http.StatusForbidden)
		return
	case err != nil:
		s.Logger.Warn("an event of the processor could not be read", "error", err)
		http.Error(w, "The event could not be read.", http.StatusBadRequest)
		return
	}
	s.answer(r.Context(), w, list)
}

func (s *Service) answer(ctx context.Context, w http.ResponseWriter, list []payment.Event) {
	for i := range list {
		err := s.Hear(ctx, list[i])
		var f *fault.Fault
		switch {
		case errors.As(err, &f):
			http.Error(w, f.Detail, f.Kind.Status)
			return
		case err != nil:
			s.Logger.Error("an event of the processor was not taken in", "event", list[i].ID, "error", err)
			http.Error(w, "The event could not be taken in now. Send it again.", http.StatusInternalServerError)
			return
		}
	}
	w.WriteHeader(http.StatusNoContent)
}
