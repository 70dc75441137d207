package upstream

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
)

// SunColor is the colour in the middle of the sun.
var SunColor = color.NRGBA{R: 240, G: 160, B: 32, A: 255}

const side = 120

// sun is a disc of SunColor on a sky.
func sun() []byte {
	sky := color.NRGBA{R: 46, G: 110, B: 158, A: 255}
	return picture(func(x, y int) color.NRGBA {
		const middle, radius = side / 2, 44
		if (x-middle)*(x-middle)+(y-middle)*(y-middle) < radius*radius {
			return SunColor
		}
		return sky
	})
}

// wedge is a square whose half above the diagonal is transparent. Text that flows around the shape
// begins where text that flows around the box cannot.
func wedge() []byte {
	fill := color.NRGBA{R: 122, G: 92, B: 190, A: 255}
	return picture(func(x, y int) color.NRGBA {
		if x < y {
			return fill
		}
		return color.NRGBA{}
	})
}

// picture paints a square point by point.
func picture(at func(x, y int) color.NRGBA) []byte {
	canvas := image.NewNRGBA(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			canvas.SetNRGBA(x, y, at(x, y))
		}
	}
	var b bytes.Buffer
	_ = png.Encode(&b, canvas) // fails only if the writer fails or the picture is too large
	return b.Bytes()
}
