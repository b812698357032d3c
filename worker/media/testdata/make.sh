#!/bin/bash
# Makes the samples of the truth table with ffmpeg, sox, lame and ImageMagick, asks ffprobe and identify what they
# think of them and of each one cut off at 20 places, and writes that to truth.tsv and cuts.tsv. The tests compare
# with those files, so that they need none of the tools.
#
#   apt-get install ffmpeg netpbm libjpeg-turbo-progs sox libsox-fmt-all lame imagemagick perl
#   ./make.sh            makes samples/, truth.tsv, cuts.tsv and ../mediatest/sample.mp4 anew
#
# A row is: the sample, the type as which it is checked, the verdict that Check must reach ("ok" or a code), and the
# command that makes it. Encoders change with their versions: after a run, go test says what else changed.
set -euo pipefail
cd "$(dirname "$0")"
export LC_ALL=C
rm -rf samples && mkdir samples && cd samples
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
: >"$work/want"

im() { "$(command -v convert-im6.q16 || command -v convert)" "$@"; }
ff() { ffmpeg -nostdin -v error -y "$@"; }
tone() { sox -n "${@:3}" synth "$2" sine 440 vol 0.3 2>/dev/null; } # tone - SECONDS format options…
want() { printf '%s\t%s\t%s\n' "$1" "$2" "$3" >>"$work/want"; }
# craft CODE: a Perl expression over $_, the bytes of stdin.
craft() { perl -0777 -pe "BEGIN { binmode STDIN; binmode STDOUT } $1"; }

# The raw material: a test picture, a second of tone, a second of film.
ff -f lavfi -i testsrc=s=96x64 -frames:v 1 -pix_fmt rgb24 "$work/in.png"
sox -n -r 44100 -c 2 "$work/in.wav" synth 1 sine 440 sine 330 vol 0.3
sox -n -r 8000 -c 1 "$work/low.wav" synth 1 sine 440 vol 0.3
ff -f lavfi -i testsrc=s=96x64:d=1:r=10 -i "$work/low.wav" -map_metadata -1 -fflags +bitexact -c:v libx264 -crf 35 \
	-pix_fmt yuv420p -c:a aac -b:a 16k -ac 1 -shortest "$work/in.mp4"
png=$work/in.png wav=$work/in.wav low=$work/low.wav mp4=$work/in.mp4

# --- images -------------------------------------------------------------------------------------------------------
im $png -sampling-factor 2x2 baseline.jpg;              want baseline.jpg image ok
im $png -sampling-factor 1x1 -quality 90 full.jpg;      want full.jpg image ok
im $png -colorspace gray gray.jpg;                      want gray.jpg image ok
im $png -colorspace CMYK cmyk.jpg;                      want cmyk.jpg image ok
im $png -interlace JPEG progressive.jpg;                want progressive.jpg image ok
im $png -resize 1x1! one.jpg;                           want one.jpg image ok
im $png -set comment 'a comment' comment.jpg;           want comment.jpg image ok
ff -i $png -threads 4 -slices 4 -thread_type slice -pix_fmt yuvj420p restart.jpg; want restart.jpg image ok
craft 's/^(..)/$1\xff\xe1\x00\x22Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00/s' <baseline.jpg >rotated.jpg
want rotated.jpg image ok
{ cat baseline.jpg; printf 'twelve bytes'; } >tail.jpg; want tail.jpg image ok
cp baseline.jpg thumb.jpg;                              want thumb.jpg thumb ok
craft 's/(\xff\xda.{40})/$1\xff\xd3/s' <baseline.jpg >stray-restart.jpg; want stray-restart.jpg image corrupt
craft 's/\xff\xd9$//s' <baseline.jpg >no-eoi.jpg;       want no-eoi.jpg image ok
craft 's/\xff\xc0/\xff\xc9/' <baseline.jpg >arithmetic.jpg; want arithmetic.jpg image unsupported
im $png rgb.png;                                        want rgb.png image ok
im $png -alpha set -channel A -evaluate set 50% rgba.png; want rgba.png image ok
im $png -depth 16 -define png:bit-depth=16 -define png:color-type=2 deep.png; want deep.png image ok
im $png -monochrome -define png:bit-depth=1 -define png:color-type=0 mono.png; want mono.png image ok
im $png -colors 16 PNG8:palette.png;                    want palette.png image ok
im $png -interlace PNG interlaced.png;                  want interlaced.png image ok
im $png -set comment 'a comment' text.png;              want text.png image ok
ff -f lavfi -i testsrc=s=96x64:d=0.5:r=6 -f apng animated.png; want animated.png image ok
{ cat rgb.png; printf 'tail'; } >tail.png;              want tail.png image ok
perl -MCompress::Zlib -e 'sub chunk { print pack("N", length $_[1]), $_[0], $_[1], pack("N", crc32($_[0].$_[1])) }
	print "\x89PNG\r\n\x1a\n"; chunk("IHDR", pack("NNC5", 12000, 12000, 1, 0, 0, 0, 0));
	chunk("IDAT", compress("\0" x (12000 * 1501), 9)); chunk("IEND", "")' >bomb.png
want bomb.png image too_large
craft 's/(IDAT.{20})(.)/$1.chr(ord($2)^1)/se' <rgb.png >damaged.png; want damaged.png image corrupt
craft 's/\r\n/\n/' <rgb.png >textmode.png;              want textmode.png image corrupt
cp rgb.png as-thumb.png;                                want as-thumb.png thumb unsupported
im $png still.gif;                                      want still.gif image ok
im $png GIF87:old.gif;                                  want old.gif image ok
im $png -interlace GIF interlaced.gif;                  want interlaced.gif image ok
im $png -transparent white transparent.gif;             want transparent.gif image ok
im $png -set comment 'a comment' comment.gif;           want comment.gif image ok
ff -f lavfi -i testsrc=s=96x64:d=0.5:r=6 animated.gif;  want animated.gif image ok
{ cat still.gif; printf '\0\0\0'; } >tail.gif;          want tail.gif image ok
for x in webp bmp tiff heic avif jp2 ico psd; do
	im $png -resize 32x32! "picture.$x";                want "picture.$x" image unsupported
done
cp picture.webp webp-named.jpg;                         want webp-named.jpg image unsupported
printf '<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>\n' >picture.svg
want picture.svg image unsupported

# --- voice --------------------------------------------------------------------------------------------------------
mp3() { ff -i "$1" -map_metadata -1 -fflags +bitexact "${@:3}" "$2"; want "$2" voice ok; }
mp3 $wav cbr.mp3 -ac 1 -b:a 32k
mp3 $wav stereo.mp3 -b:a 64k
mp3 $wav joint.mp3 -joint_stereo 1 -b:a 48k
mp3 $wav no-xing.mp3 -ac 1 -b:a 32k -write_xing 0
mp3 $wav bare.mp3 -ac 1 -b:a 32k -write_xing 0 -id3v2_version 0
mp3 $wav rate48.mp3 -ac 1 -ar 48000 -b:a 32k
mp3 $wav rate32.mp3 -ac 1 -ar 32000 -b:a 32k
mp3 $wav mpeg2-stereo.mp3 -ar 22050 -b:a 24k
mp3 $low mpeg2.mp3 -ar 16000 -b:a 16k
mp3 $low mpeg25.mp3 -ar 8000 -b:a 8k
mp3 $low mpeg25-11k.mp3 -ar 11025 -b:a 16k -write_xing 0
mp3 $wav shine.mp3 -t 0.5 -c:a libshine -b:a 64k
mp3 $wav best.mp3 -t 0.3 -b:a 320k
mp3 $wav id3v1.mp3 -ac 1 -b:a 32k -write_id3v1 1 -metadata title=tone
mp3 $wav id3v23.mp3 -ac 1 -b:a 32k -id3v2_version 3 -metadata title=tone
lame --quiet -V 5 $wav vbr.mp3;                         want vbr.mp3 voice ok
lame --quiet --abr 40 -m m $wav abr.mp3;                want abr.mp3 voice ok
lame --quiet -V 5 -t $wav vbr-no-header.mp3;            want vbr-no-header.mp3 voice ok
lame --quiet -p -m m -b 32 $wav crc.mp3;                want crc.mp3 voice ok
lame --quiet -b 40 -m m --tt tone --add-id3v2 --pad-id3v2-size 300 $wav padded.mp3; want padded.mp3 voice ok
id3() { printf 'ID3\x04\x00%b\x00\x00\x00\x14%020d' "$1" 0; }
{ id3 '\x10'; printf '3DI\x04\x00\x10\x00\x00\x00\x14'; cat bare.mp3; } >footer.mp3; want footer.mp3 voice ok
{ id3 '\x00'; id3 '\x00'; cat bare.mp3; } >two-tags.mp3; want two-tags.mp3 voice ok
ape() { printf 'APETAGEX\xd0\x07\x00\x00\x3c\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00%b\x00\x00\x00\x00\x00\x00\x00\x00' "$1"; }
{ cat bare.mp3; ape '\xa0'; printf '\x0e\x00\x00\x00\x00\x00\x00\x00Title\x00a tone of 1 s.'; ape '\x80'; } >ape.mp3
want ape.mp3 voice ok
{ printf '\xff\xfb\x10\xc4%032d' 0; printf 'VBRI\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x28%050d' 0; cat bare.mp3; } >vbri.mp3
want vbri.mp3 voice ok
{ printf '%01000d' 0; cat bare.mp3; } >junk-first.mp3;  want junk-first.mp3 voice ok
{ head -c 2086 bare.mp3; printf '%0300d' 0; tail -c +2087 bare.mp3; } >junk-between.mp3; want junk-between.mp3 voice ok
{ cat bare.mp3; printf '%0300d' 0; } >junk-last.mp3;    want junk-last.mp3 voice ok
cat no-xing.mp3 no-xing.mp3 >twice.mp3;                 want twice.mp3 voice ok
cp cbr.mp3 mp3-named.amr;                               want mp3-named.amr voice ok
lame --quiet --freeformat -b 400 <(sox $wav -t wav - trim 0 0.2 2>/dev/null) free.mp3; want free.mp3 voice unsupported
ff -i $low -ar 16000 -b:a 16k mp2.mp3.mp2 && mv mp2.mp3.mp2 layer2.mp3; want layer2.mp3 voice unsupported
for s in 60 61; do
	tone - $s -r 8000 -c 1 -t wav "$work/$s.wav"
	ff -i "$work/$s.wav" -ar 8000 -b:a 8k $s-seconds.mp3
	sox "$work/$s.wav" -C 0 -t amr-nb $s-seconds.amr
done
want 60-seconds.mp3 voice ok; want 61-seconds.mp3 voice too_long
want 60-seconds.amr voice ok; want 61-seconds.amr voice too_long
for mode in 0 1 2 3 4 5 6 7; do
	sox $low -C $mode -t amr-nb mode$mode.amr trim 0 0.5; want mode$mode.amr voice ok
done
perl -e 'print "#!AMR\n"; for (1..10) { print "\x3c", "\0" x 31, "\x44", "\0" x 5, "\x7c" x 6 }' >silence.amr; want silence.amr voice ok
perl -e 'print "#!AMR\n"; print "\x04", "\0" x 12 for 1..10; print "\x54" x 20' >reserved.amr; want reserved.amr voice corrupt
perl -e 'print "#!AMR-WB\n"; print "\x04", "\0" x 17 for 1..50' >wide.awb; want wide.awb voice unsupported
perl -e 'print "#!AMR_MC1.0\n\0\0\0\2"; print "\x04", "\0" x 12 for 1..50' >multi.amr; want multi.amr voice unsupported
sox $low -r 8000 sound.wav trim 0 0.2;                  want sound.wav voice unsupported
for x in flac ogg opus aac m4a aiff wma mka; do
	ff -i $low -t 0.2 -ar 16000 "sound.$x";             want "sound.$x" voice unsupported
done
printf 'MThd\0\0\0\6\0\0\0\1\0`MTrk\0\0\0\4\0\xff/\0' >sound.mid; want sound.mid voice unsupported

# --- video --------------------------------------------------------------------------------------------------------
film() { ff -i $mp4 -map_metadata -1 -fflags +bitexact -c copy "${@:2}" "$1"; want "$1" video ok; }
film h264.mp4
film faststart.mp4 -movflags +faststart
film silent.mp4 -an
film fragmented.mp4 -movflags frag_keyframe+empty_moov
film base-moof.mp4 -movflags frag_every_frame+empty_moov+default_base_moof
film delay-moov.mp4 -movflags frag_keyframe+delay_moov
film dash.mp4 -movflags dash+frag_keyframe -an
film mp42.mp4 -brand mp42
film psp.mp4 -f psp
ff -i $mp4 -map_metadata -1 -c:v mpeg4 -q:v 20 -an mpeg4.mp4;   want mpeg4.mp4 video ok
ff -i $mp4 -map_metadata -1 -c:v libx265 -x265-params log-level=none -crf 40 -an hevc.mp4; want hevc.mp4 video ok
ff -i $mp4 -map_metadata -1 -c copy -metadata:s:v rotate=90 turned.mp4; want turned.mp4 video ok
craft 's/\0\0\0\x08free(....)mdat/"\0\0\0\x01mdat\0\0\0\0".pack("N",unpack("N",$1)+8)/se' <h264.mp4 >long-box.mp4; want long-box.mp4 video ok
craft 's/....mdat/\0\0\0\0mdat/s' <faststart.mp4 >open-box.mp4; want open-box.mp4 video ok
{ cat h264.mp4; printf 'no box is here, only words'; } >tail.mp4; want tail.mp4 video ok
craft 's/moov/uuid/' <h264.mp4 >no-moov.mp4;            want no-moov.mp4 video corrupt
craft 's/....moov.*$//s' <h264.mp4 >cut.mp4;              want cut.mp4 video corrupt
ff -i $mp4 -map_metadata -1 -vn -c copy sound-only.mp4; want sound-only.mp4 video unsupported
ff -i $mp4 -map_metadata -1 -vn -c copy sound-only.m4a; want sound-only.m4a video unsupported
for x in mov m4v 3gp 3g2 mkv flv ts; do
	ff -i $mp4 -map_metadata -1 -c copy "film.$x";      want "film.$x" video unsupported
done
craft 's/ftyp/free/' <film.mov >no-brand.mov;           want no-brand.mov video unsupported
cp film.mov mov-named.mp4;                              want mov-named.mp4 video unsupported
ff -i $mp4 -an -c:v mpeg4 -q:v 25 film.avi;             want film.avi video unsupported
ff -i $mp4 -an -c:v libvpx -b:v 20k film.webm;          want film.webm video unsupported
ff -i $mp4 -an -r 25 -c:v mpeg1video -q:v 25 film.mpg;  want film.mpg video unsupported

# --- neither ------------------------------------------------------------------------------------------------------
printf 'only words\n' >words.txt;                       want words.txt image unsupported
printf '<!DOCTYPE html><html><body>502 Bad Gateway</body></html>\n' >page.html; want page.html image unsupported
printf '{"errcode":40001}\n' >answer.json;              want answer.json image unsupported
printf '%%PDF-1.4\n%%%%EOF\n' >paper.pdf;               want paper.pdf image unsupported
perl -e 'print "PK\3\4\24\0\0\0\0\0", "\0" x 16, "\5\0\0\0a.txt"' >pack.zip; want pack.zip image unsupported
: >empty.jpg;                                           want empty.jpg image empty

# --- from public reports, made for this project: see cases.tsv ------------------------------------------------------
while IFS=$'\t' read -r name type verdict _; do
	case $name in \#*) continue ;; esac
	cp "../cases/$name" .; want "$name" "$type" "$verdict"
done <../cases.tsv

ff -f lavfi -i testsrc=s=320x240:d=1:r=10 -f lavfi -i sine=440:d=1 -map_metadata -1 -fflags +bitexact -c:v libx264 -crf 30 \
	-preset veryslow -pix_fmt yuv420p -c:a aac -b:a 32k -ac 1 -shortest -movflags +faststart ../../mediatest/sample.mp4

# --- what the tools say ---------------------------------------------------------------------------------------------
# probe FILE [ffprobe's options]: format, codec, width, height, rate, packets and seconds of the stream that counts, "-" for what is not there.
probe() {
	ffprobe -v quiet -count_packets -of json -show_entries \
		format=format_name,duration:stream=codec_type,codec_name,width,height,sample_rate,nb_read_packets "${@:2}" "$1" 2>&1 | perl -MJSON::PP -0777 -ne '
		my $j = eval { decode_json($_) } // {};
		my ($s) = grep { $_->{codec_type} eq "video" } @{$j->{streams} // []};
		($s) = @{$j->{streams} // []} unless $s;
		print join("\t", map { defined $_ && $_ ne "" ? $_ : "-" } $j->{format}{format_name}, $s->{codec_name},
			$s->{width}, $s->{height}, $s->{sample_rate}, $s->{nb_read_packets}, $j->{format}{duration})'
}
identified() { # FILE: "JPEG 96x64 1", format, size and frames
	identify -format '%m %wx%h %n\n' "$1" 2>/dev/null | head -1 | grep . || echo -
}
{
	printf '#sample\ttype\tverdict\tsha256\tformat\tcodec\twidth\theight\trate\tpackets\tseconds\tidentify\n'
	while IFS=$'\t' read -r name type verdict; do
		printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$name" "$type" "$verdict" "$(sha256sum <"$name" | cut -c1-16)" "$(probe "$name")" \
			"$(case $type in image | thumb) identified "$name" ;; *) echo - ;; esac)"
	done <"$work/want"
} >../truth.tsv

# Sound and film, cut off: how many packets are left, and whether ffmpeg complains on reading all of a film. The format
# is given: of a few bytes ffprobe would guess another.
cuts() {
	printf '#sample\tbytes\tpackets\tcomplaint\n'
	awk -F'\t' '$3 == "ok" && ($2 == "voice" || $2 == "video") { print $1, $2, $5 }' ../truth.tsv | while read -r name type format; do
		size=$(stat -c %s "$name")
		stream=$([ "$type" = voice ] && echo a || echo v)
		for i in $(seq 1 20); do
			n=$((i < 20 ? size * i / 20 : size - 1))
			head -c $n "$name" >"$work/cut"
			packets=$(ffprobe -v quiet -f "${format%%,*}" -count_packets -select_streams "$stream:0" \
				-show_entries stream=nb_read_packets -of default=nk=1:nw=1 "$work/cut" 2>/dev/null | head -1) || true
			complaint=no
			[ "$type" = voice ] || [ -z "$(ffmpeg -nostdin -v error -f "${format%%,*}" -i "$work/cut" -map 0 -c copy -f null - 2>&1)" ] || complaint=yes
			[ "$packets" != N/A ] || packets=
			printf '%s\t%s\t%s\t%s\n' "$name" "$n" "${packets:--}" "$complaint"
		done
	done
}
cuts >../cuts.tsv

# What the decoders say of hundreds of variants of these samples: ../variants.tsv.
cd ../.. && go test -tags differential -count=1 -run TestDifferential -update .
