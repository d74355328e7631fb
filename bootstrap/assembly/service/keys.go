package service

import "log/slog"

// logKeys logs that the keys which tokens are judged by cannot be renewed, and
// that they can be again. Those held serve meanwhile, for a day.
func (s *Service) logKeys(trouble error) {
	held := slog.Int("held", s.verifier.Stats().Keys)
	if trouble == nil {
		s.log.Info("the signing keys can be renewed again", held)
		return
	}
	s.log.Warn("the signing keys cannot be renewed", held, slog.Any("error", trouble))
}
