package sandbox

import "time"

// Limits of one session. The zero value of a field is that of Defaults.
type Limits struct {
	CPUs    float64       // processors that it may keep busy
	Memory  int64         // bytes of memory of all processes together, and of each
	Disk    int64         // bytes of /mnt/data; /tmp and /dev/shm have 64 MiB each besides
	Files   int           // files and directories in /mnt/data
	PIDs    int           // processes and threads
	Time    time.Duration // of one run
	Output  int64         // bytes of text of one run; what is beyond is dropped, and the outcome says so
	Images  int           // images of one run
	OneFile int64         // bytes of one file that is taken out
}

// Defaults are the limits that hold unless others are set.
func Defaults() Limits {
	return Limits{CPUs: 1, Memory: 1 << 30, Disk: 512 << 20, Files: 20000, PIDs: 64, Time: 120 * time.Second, Output: 1 << 20, Images: 20, OneFile: 512 << 20}
}

// maxImage is the largest image that a run may show, in bytes.
const maxImage = 8 << 20

// or fills in what is not set.
func (l Limits) or(d Limits) Limits {
	set(&l.CPUs, d.CPUs)
	set(&l.Memory, d.Memory)
	set(&l.Disk, d.Disk)
	set(&l.Files, d.Files)
	set(&l.PIDs, d.PIDs)
	set(&l.Time, d.Time)
	set(&l.Output, d.Output)
	set(&l.Images, d.Images)
	set(&l.OneFile, d.OneFile)
	return l
}

func set[T comparable](value *T, or T) {
	var zero T
	if *value == zero {
		*value = or
	}
}
