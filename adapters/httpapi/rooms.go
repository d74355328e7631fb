package httpapi

import "time"

// room is what a body needs while it is held. It is taken before any of the body
// is read: fasthttp 1.51 allocates all that a header or a chunk announces, so a
// client that sends a hundred bytes and stops would have 16 MiB of ours.
type room int

const (
	noRoom     room = iota // for a short body
	bodyRoom               // for one of at most maxBody
	uploadRoom             // for one of at most maxUpload
)

// shortBody is how many bytes a body has at most that is held without room.
const shortBody = 4 << 10

// rooms counts those that are taken.
type rooms [uploadRoom + 1]chan struct{}

func newRooms(limits Limits) rooms {
	return rooms{
		bodyRoom:   make(chan struct{}, limits.Bodies),
		uploadRoom: make(chan struct{}, limits.Uploads),
	}
}

// take is false when there is none left.
func (r rooms) take(which room) bool {
	if which == noRoom {
		return true
	}
	select {
	case r[which] <- struct{}{}:
		return true
	default:
		return false
	}
}

func (r rooms) giveBack(which room) {
	if which == noRoom {
		return
	}
	select {
	case <-r[which]:
	default: // that would be a mistake of ours, and no reason to wait for ever
	}
}

// What headerReceived takes, the connection gives back, and fasthttp shows
// neither the other. The next that it does is to set the connection's read
// deadline, by the time that headerReceived asks for: what was taken stands
// there, as so many times a time that nobody waits for.
const roomsApart = 1000 * time.Hour

func withRoom(timeout time.Duration, taken room) time.Duration {
	return timeout + time.Duration(taken)*roomsApart
}

// roomIn is what withRoom put into a deadline, and the deadline without it.
func roomIn(deadline time.Time) (room, time.Time) {
	//nolint:forbidigo // fasthttp, too, has added to what time.Now gave it.
	taken := room(time.Until(deadline).Round(roomsApart) / roomsApart)
	if taken <= noRoom || taken > uploadRoom {
		return noRoom, deadline
	}
	return taken, deadline.Add(-time.Duration(taken) * roomsApart)
}
