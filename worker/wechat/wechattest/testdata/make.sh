#!/bin/sh
# Makes the samples in this folder anew: sh make.sh. Needs ffmpeg, sox and lame.
set -eu
cd "$(dirname "$0")"
picture=testsrc=size=16x12:rate=1
ffmpeg -v error -y -f lavfi -i $picture -frames:v 1 -q:v 5 photo.jpg
ffmpeg -v error -y -f lavfi -i $picture -frames:v 1 shot.png
ffmpeg -v error -y -f lavfi -i testsrc=size=16x12:rate=2 -t 1 move.gif
ffmpeg -v error -y -f lavfi -i testsrc=size=16x12:rate=5 -t 1 -c:v libx264 -pix_fmt yuv420p clip.mp4
sox -n -r 8000 -c 1 tone.wav synth 1 sine 440
lame --quiet -b 16 -m m tone.wav tone.mp3
sox tone.wav -t amr-nb tone.amr
rm tone.wav
