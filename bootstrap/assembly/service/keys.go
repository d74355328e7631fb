package service

import "log/slog"

// logKeys logs that the keys which tokens are judged by cannot be renewed, and
// that they can be again. Public keys that are held serve meanwhile, for a day;
// secrets for as long as the program lives.
func (s *Service) logKeys(trouble error) {
	held := slog.Int("held", s.verifier.Stats().Keys)
	if trouble == nil {
		s.log.Info("the signing keys can be renewed again", held)
		return
	}
	s.log.Warn("the signing keys cannot be renewed", held, slog.Any("error", trouble))
}
