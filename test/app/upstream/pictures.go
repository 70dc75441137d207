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
	return picture(func(d int) color.NRGBA {
		if d < 44 {
			return SunColor
		}
		return sky
	})
}

// disc is a disc on nothing: text that flows around its shape comes nearer than
// text that flows around its box.
func disc() []byte {
	fill := color.NRGBA{R: 122, G: 92, B: 190, A: 255}
	return picture(func(d int) color.NRGBA {
		if d < side/2 {
			return fill
		}
		return color.NRGBA{}
	})
}

// picture paints a square by the distance from its middle.
func picture(at func(distance int) color.NRGBA) []byte {
	canvas := image.NewNRGBA(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			dx, dy := x-side/2, y-side/2
			distance := 0
			for distance*distance < dx*dx+dy*dy {
				distance++
			}
			canvas.SetNRGBA(x, y, at(distance))
		}
	}
	var b bytes.Buffer
	_ = png.Encode(&b, canvas) // which a buffer does not refuse, nor a picture of this size
	return b.Bytes()
}
