module github.com/icsws/icsws

go 1.26.0

require (
	github.com/google/uuid v1.6.0
	github.com/klauspost/compress v1.17.9
	github.com/lxzan/gws v1.9.1
	go.uber.org/goleak v1.3.0
)
