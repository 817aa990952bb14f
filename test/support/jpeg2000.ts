/**
 * JPEG 2000s of 64x48 pixels: red and green above, blue and yellow below, in the ways that they can hold colours. The
 * codestreams were made with OpenJPEG's opj_compress (`-r 1 -n 4`, `-mct 0` for luminance and chrominance, `-d 5,3 -t 32,32`
 * for the shifted one), since sharp cannot write them; the boxes around them are made here.
 */

const packed = {
  grey: [
    '/0//UQApAAAAAABAAAAAMAAAAAAAAAAAAAAAQAAAADAAAAAAAAAAAAABBwEB/1IADAAAAAEAAwQEAAH/XAANQEBISFBISFBISFD/ZAAl',
    'AAFDcmVhdGVkIGJ5IE9wZW5KUEVHIHZlcnNpb24gMi41LjD/kAAKAAAAAADKAAH/k8+0kADJ+VCNMLolubGCxwcePkreJbsVl0164325',
    'wzZZVbojsWfDusfaGw+oOg+oHFzVJYAFd2dFLXoYIHstJAZqj7oHsmiH+bfLPyOjGKEeu3/H2iUPqE4PqByDJrS0OtkFoLPULNgnq2BF',
    'mNuEhAQDhIhGO/9aPlc4u/0CFKh/gpNcQOkeN8faJw+oVgfOEMgemqc4T9sl9HUCVo6YD3pDOH+/pqpJB0dMTF4dtkEhIpLxhH9boH++',
    'sQoK/9k=',
  ],
  greyAlpha: [
    '/0//UQAsAAAAAABAAAAAMAAAAAAAAAAAAAAAQAAAADAAAAAAAAAAAAACBwEBBwEB/1IADAAAAAEAAwQEAAH/XAANQEBISFBISFBISFD/',
    'ZAAlAAFDcmVhdGVkIGJ5IE9wZW5KUEVHIHZlcnNpb24gMi41LjD/kAAKAAAAAAElAAH/k8+0kADJ+VCNMLolubGCxwcePkreJbsVl016',
    '4325wzZZVbojsWfDut+BeCIZaRwW3M9d7fBVsXD49hztvBgWY1cSOTiUfJfiooTfAxMejfpRxgYmbsW3dDD9x9obD6g6D6gcXNUlgAV3',
    'Z0Utehggey0kBmqPugeyaIf5t8s/I6MYoR67f8faEgAiGdvkUIjyqEfH2iUPqE4PqByDJrS0OtkFoLPULNgnq2BFmNuEhAQDhIhGO/9a',
    'Plc4u/0CFKh/gpNcQOkeN8faHAA2nkHj4NyNj6EgicuQj8faJw+oVgfOEMgemqc4T9sl9HUCVo6YD3pDOH+/pqpJB0dMTF4dtkEhIpLx',
    'hH9boH++sQoKx9oMAF+mxz3leP/Z',
  ],
  index: [
    '/0//UQApAAAAAABAAAAAMAAAAAAAAAAAAAAAQAAAADAAAAAAAAAAAAABBwEB/1IADAAAAAEAAwQEAAH/XAANQEBISFBISFBISFD/ZAAl',
    'AAFDcmVhdGVkIGJ5IE9wZW5KUEVHIHZlcnNpb24gMi41LjD/kAAKAAAAAABJAAH/k9+BKBEd9iRpjIKV58AV3YsRH9NllNARWVymgIrK',
    '5SIMYJq41h9bVeOgCMAHGD+gCMBi3xCgCQCunqo5/9k=',
  ],
  rgb: [
    '/0//UQAvAAAAAABAAAAAMAAAAAAAAAAAAAAAQAAAADAAAAAAAAAAAAADBwEBBwEBBwEB/1IADAAAAAEBAwQEAAH/XAANQEBISFBISFBI',
    'SFD/ZAAlAAFDcmVhdGVkIGJ5IE9wZW5KUEVHIHZlcnNpb24gMi41LjD/kAAKAAAAAAJmAAH/k8+0mFzh4AGXZW18o9ZrQbWhNfgo7093',
    'yRwE8b/iQkMSN4yT1IN9yhW/34GAJALMgemhpnEjAVUPA1fhZ/txWVe6ja50/wKI1Ma81VSKudv+s1QoCN4h7JU+J3of34FYE83+I38A',
    'azTrSQE7SyzSgTEGWKfXYyypubhYvzXbx9Dli2nIXdaCpjRen8PqDYfUFwPnDCTg35HBMOhsqRJN8r8tJA9A2keGBaZ4nyOi9ZxA+c/A',
    'Rj7RGD6ggCQnYvgjLXE1Xq1Sl2Ywvj6/BxaKtOt2EdyWMBBX9XukcL0i8qEefO5F9c/APj7ROH2hACIJdgVMan+ZL/cYZd92vwnGbneK',
    'Mma8oORG1o/hYPfIy38jovWcq9OkCcPqEofUHwPnDIMmtO1OuOemUgROrE9dvP8pp4SEA90wNVMEywWit8K/8YKTTtA118/AXj7ReH2h',
    'AINUk2s0p32YKf0UekHYWwd3EQARvMvJYt7/QvzMgXHQZDy8OhPLIVOToYACkSGCaFvCkdjgP8/ARj7RuH2hADad8kKpZ09nABWvm+oj',
    'MrWYY4r+7gWaIRNbHbEd3sVGTJ1KwLX6teDTiu2XgpLS+N2jtifD6hGH1CED5wjIHpqmoH9lFMuvvFIevO2W/MAxKluYbCeCoDg0jiV8',
    '2r++sQArz8BOPtFYPqBQyClaxyK/VUcMPNyiUCUPCQK6v66eqBO/c4/Lxht1sNBB55YHYtv5f76bib2fz8A6PtFYfaCgX6bG33Ams+j2',
    '+Ul1IX+utChCNcACqWhr+GEN2gsXfmFYYD++sP9TL//Z',
  ],
  rgb16: [
    '/0//UQAvAAAAAABAAAAAMAAAAAAAAAAAAAAAQAAAADAAAAAAAAAAAAADDwEBDwEBDwEB/1IADAAAAAEBAwQEAAH/XAANQICIiJCIiJCI',
    'iJD/ZAAlAAFDcmVhdGVkIGJ5IE9wZW5KUEVHIHZlcnNpb24gMi41LjD/kAAKAAAAAAR1AAH/k8/8MUhc4eABl2VtfKPWauuC0Jr8Eu/L',
    'huVmBKMiga0E+dnEGeKEZBL+RIbpOArXTq/A0DHbXU9GogwZ+cZcY5sNAuwx7vEQs+mTdHbidlKGWPDXNo9/3/iS6CQCzIHpoaZxIwFV',
    'DwNX4Wf7cVlXuzKq6ZXj7KBrLZPm69vIdQmNMytQ7NlBgGkyw1B6gg8SzyZKfe0xEYa9pqRQBX/1fYGdRwFTtZ8+fch03nPYLduRerwG',
    'lGLdj9/4kpATzf4jfwBrNOtJATtLLNKBMQZYp9djLKm5uFi/NdvNyO2gUNSkyuidmy0kY5i3Ro0xmmUNEcB48b1PVOPs1Q2Y4ZSz241+',
    '8qAU400ivP3785mPw/8DDUP/AwvA/2ABgCTg35HBMPzBbAxVin4eOSNncoK1mvfMIYO/LSQPQNpHhgWmcaqMhu7UPYdfeXXQvy8jovVb',
    'ccK3RzicM2PP/Eh2P/DCCD/wYNAkJ2L4Iy1xuFd7rIXttsMJwjTQReEOMcymfa7yPwcWirTrdhHm4y9rj8KgytLmZU9KpbUO97EoN2EA',
    'fC/CIvKhHnzuRf0ucL9usc/8SGo/8MJIf+GBoCIJdgVMWGY4Bnty3plnw/wEiWDVtzWnCjsPCcZud4oyZryg5EbWj+FhOivFDZnO5xhh',
    'o+mVDGMOVL7lW/NfI6L1nLHiqeeVWbyrVcP/AxVD/wMRQP9gAYCDJrTtTrjnplIHICGTWc5Y5RvEpgvNQgIGf6zpH1SbMLTlhTkgPHFk',
    '0QeEhAPdMDVnhbzc+e4U2aXjw5jLILzojNycejo8rNL/dF1/gpNO0DhbKbh5aUifz/xIxj/wwyh/4YGAg1SOeNwjP+UhU/JntxJiFusZ',
    '4AwqA6w5gILFV9oF02n8a6u8M0wHeYDrdHdDG1eRP2Le/0L8zIFx0GQd7g6InKrof9WA2fewkFHw2PVsDYWt7lgpe3PwOFpocQhqdMQH',
    'Gu7vgmhh2wW3zdTiaY9Dz/xIjj/ww5h/4YGgNp3yQqlnT2cAFa+b6iMytZuFIDPY0/sBeHPzCMRNufJ+awtjiv7uBZohE1sdsR3exUZM',
    'nUjhnpKpmRpL9IcAq7VhTicGz5yZj/CMgbzD0KHh8TqIN+ks2DACPqaCktL43aULNlsB2nNbw/8DE0P/Aw/A/2AA4Mgemqagf2UUy6+8',
    'Uh687Zb9Ikb+OEBhJ9aZ1H2CBhtAkzcQ3EafwDEqW5hsJ4KgODSOJX2N+RHd2OjA28Nzvw1DnjXh376xACsp/3/P/EiWP/DCiD/wYGDI',
    'KVrHIr9VRww83KJQJQ8JArq06IAY18BJrOqmVq2lES3YSBAFrp6oE79zj8vGG3Ww0EHnlgdi2/mBZWgAMAMmYpOcwO6Z8YQMFKTo976b',
    'ib2xhc/8SGY/8MK4f+GAwF+mxt9wJrPo9vlJdSGAblr4duOtfyKi+OqutChCNcACqWhr+GEN2gsXfmFYYD+YQIAF/yqUQxiLtlj2lgXv',
    '3rBAVhgPvrD/UzPv/9k=',
  ],
  rgba: [
    '/0//UQAyAAAAAABAAAAAMAAAAAAAAAAAAAAAQAAAADAAAAAAAAAAAAAEBwEBBwEBBwEBBwEB/1IADAAAAAEBAwQEAAH/XAANQEBISFBI',
    'SFBISFD/ZAAlAAFDcmVhdGVkIGJ5IE9wZW5KUEVHIHZlcnNpb24gMi41LjD/kAAKAAAAAALBAAH/k8+0mFzh4AGXZW18o9ZrQbWhNfgo',
    '7093yRwE8b/iQkMSN4yT1IN9yhW/34GAJALMgemhpnEjAVUPA1fhZ/txWVe6ja50/wKI1Ma81VSKudv+s1QoCN4h7JU+J3of34FYE83+',
    'I38AazTrSQE7SyzSgTEGWKfXYyypubhYvzXbx9Dli2nIXdaCpjRen9+BeCIZaRwW3M9d7fBVsXD49hztvBgWY1cSOTiUfJfiooTfAxMe',
    'jfpRxgYmbsW3dDD9w+oNh9QXA+cMJODfkcEw6GypEk3yvy0kD0DaR4YFpnifI6L1nED5z8BGPtEYPqCAJCdi+CMtcTVerVKXZjC+Pr8H',
    'Foq063YR3JYwEFf1e6RwvSLyoR587kX1z8A+PtE4faEAIgl2BUxqf5kv9xhl33a/CcZud4oyZryg5EbWj+Fg98jLfyOi9Zyr06QJx9oS',
    'ACIZ2+RQiPKoR8PqEofUHwPnDIMmtO1OuOemUgROrE9dvP8pp4SEA90wNVMEywWit8K/8YKTTtA118/AXj7ReH2hAINUk2s0p32YKf0U',
    'ekHYWwd3EQARvMvJYt7/QvzMgXHQZDy8OhPLIVOToYACkSGCaFvCkdjgP8/ARj7RuH2hADad8kKpZ09nABWvm+ojMrWYY4r+7gWaIRNb',
    'HbEd3sVGTJ1KwLX6teDTiu2XgpLS+N2jtifH2hwANp5B4+DcjY+hIInLkI/D6hGH1CED5wjIHpqmoH9lFMuvvFIevO2W/MAxKluYbCeC',
    'oDg0jiV82r++sQArz8BOPtFYPqBQyClaxyK/VUcMPNyiUCUPCQK6v66eqBO/c4/Lxht1sNBB55YHYtv5f76bib2fz8A6PtFYfaCgX6bG',
    '33Ams+j2+Ul1IX+utChCNcACqWhr+GEN2gsXfmFYYD++sP9TL8faDABfpsc95Xj/2Q==',
  ],
  luma: [
    '/0//UQAvAAAAAABAAAAAMAAAAAAAAAAAAAAAQAAAADAAAAAAAAAAAAADBwEBBwEBBwEB/1IADAAAAAEAAwQEAAH/XAANQEBISFBISFBI',
    'SFD/ZAAlAAFDcmVhdGVkIGJ5IE9wZW5KUEVHIHZlcnNpb24gMi41LjD/kAAKAAAAAAJ3AAH/k8+0nADJ+VCNMLolubGA2UGTzZYlwpNz',
    'EYY83DUPw0KmbJytWlDqEoakn8+0pCQEFjzlYFcNBjhiBNuojZGVl56+wv1gNwgmOlffXipVsjgFwWmjKD/nz7SwE83+I38gQIam60l7',
    '/Rucbtr/P5urTP2rlQ0htqSxShpFUi4vR13JAB9N4X/H2h0PqDoPqBxc1SWABYthbZF9dCZAfy0kBmqPugeyah/CCac/I6L1W8a+d8fa',
    'HR9ojB9QOCQnY2P/ECCNS2Vf9hMKIvIC4Y+jLmN9B5l8LkMRFi8i9vOcxkZUx9obH2iUH1A4Igl2BUyJT5Ba8SjvGCOeBNv+jJtCE6Q8',
    '4zPQYPEWCSOhXwV8v6fH2iUPqFIPqByDJrS0OtkFoLPUL/nFG1fJ772EhARfOLzhYS7xKdbbNLo74tDKg4KTXEDqh0XH2isfaMwfUDCD',
    'VI6CsEeqPzf4nZbOWKO3xK7xp4Zi3v9G9yyqh8n8FCFm4LzlgvFzor3zbHsfgmfSd/XUx9opH2jUH1A4Np3yQqYnNG9VxFoA5zu/EN60',
    'GZ+CkgGEC0ke5Ux6xc1ptijm1ImuexVW2USldYKS3Wz9fbfH2iUPqFYHzhDIHpqnOE/bJfR1AlvzdHv9IRC/pqpJB0dMTF4dtkEhIpLx',
    'g43Y0pG+sQoKx9olH2jUH1AoyClaxzgrVAJtpDUsGUjSvOQUvptiGHO+Az5XSe/hFZSlNkRl4FbaLm/5sQe+m39mH8faKQ+oZg+oFF+m',
    'xt9wJgNoAx4WxRGHiX6H32a/rrQoQjXAAAQ4hHmt9ZOMFJ9iwwLTVyXAX76w/1o//9k=',
  ],
  lumaHalved: [
    '/0//UQAvAAAAAABAAAAAMAAAAAAAAAAAAAAAQAAAADAAAAAAAAAAAAADBwEBBwICBwIC/1IADAAAAAEAAwQEAAH/XAANQEBISFBISFBI',
    'SFD/ZAAlAAFDcmVhdGVkIGJ5IE9wZW5KUEVHIHZlcnNpb24gMi41LjD/kAAKAAAAAAHmAAH/k8+0kADJ+VCNMLolubGCxwcePkreJbsV',
    'l0164325wzZZVbojsWfDus+0OAym3yU34z/Ww4bqtf8/z7Q4AXMUtNvt/AUHe5CRLL3H2hsPqDoPqBxc1SWABXdnRS16GCB7LSQGao+6',
    'B7Joh/m3yz8joxihHrt/x9oRD6guB84YE2Gr5bITHu8LZljiExQOEYNUPxHx39QJn8faEQ+oLgfOHA7z686yy3MaDF4xDfyk9QkBqvMS',
    'wOsQQ0aDx9olD6hOD6gcgya0tDrZBaCz1CzYJ6tgRZjbhIQEA4SIRjv/Wj5XOLv9AhSof4KTXEDpHjfH2h0faIwfUDAkJ2KY0WBeM8mg',
    'ihArXwcWi25L8FbZsfeAWivEj/9/IvWH3iGjx9ofH2iMH1A4Igl1KoN+4j6eTO1dxRy/I54E2/8G/RdNA8CiGsa9kr8jobNmfuA/x9on',
    'D6hWB84QyB6apzhP2yX0dQJWjpgPekM4f7+mqkkHR0xMXh22QSEikvGEf1ugf76xCgrH2hsfaJQfUCCDVI5NTKwxo50Q0jKPgmcBBAww',
    '+Ac2uVsHd9haGc+/gmhQB8faHQ+oQg+oEDad8kjSPNa/NqM0bcuzY4r+7gWaIRNdwaqCa/HFC4KTUr//2Q==',
  ],
  shifted: [
    '/0//UQAvAAAAAABFAAAAMwAAAAUAAAADAAAAIAAAACAAAAAAAAAAAAADBwEBBwEBBwEB/1IADAAAAAEBAwQEAAH/XAANQEBISFBISFBI',
    'SFD/ZAAlAAFDcmVhdGVkIGJ5IE9wZW5KUEVHIHZlcnNpb24gMi41LjD/kAAKAAAAAAB5AAH/k8fUDAjsmGGSPMfUCgy85WY/34BQAjP0',
    'tBsjiUHGf4Cn4AwDeJe5ExWn4AwAyI+5GbuAo+0KADf53NjypmCFwgOj7QoANqHY2PKmYIXCA4Cj7QoAlI1/Rsg64BhIP6PtCgCVOYFG',
    'yDrgGEg//5AACgABAAABkQAB/5PH1BYJTmmTo8T5Hw6ab9+AcBAic01pOO9FEVTMfdVQ34BwAft4Gqmq4AkBP3MxuyzA+QLH2hMD5wgL',
    '7fKNQxm6OjD1CBMK3wF1EB/D6gefgEw+0GACoStDSx0/BAPMWRHXl9F8BCTfYVtHx9oPPwCofaDAAqqj7k+/YwBchlxznqfyyzcBXXRX',
    'uS/D6guH1BsD5wpUkpd6MblxHEBQv2FTRe98XCJWf6dvF6ZR9BZ5x8/APj7Q+D6gYFdXNy5I3Tzh6USvcOYZ50KLmmksVLOGVVvXPTZN',
    'n1CRmjZgL8/APj7RKH2g4BcrZqEOGP1OpohN9QU0l0ED3aMSxWBfi3YUKWiM5LpSP1H0FngrU7vD6gyH1BsD5win0XSP3xgc/Y0dp3+1',
    'Nmm3+Sz3Qpdh2AK/rZ8DX8/AOj7QyD6gQKl/NEsmD0V5J4FFH+RBnhjgfWpgQTyTeRV3rkpHuc/AOj7QyH2goBxNPlqe2sc2HR3nPUAB',
    'nsZ20hLYBpcIYYQSrZ79fz//kAAKAAIAAABrAAH/k8PnBghLBt+AIAlYqt/fgCAIZ3Loo+0DAAUrh6H1AYABzp+n4AgFK4k/oPnCgCNd',
    'm4mfoPnCgCIQ/XzzofUCgCNdm4mbofUCgEEC2rw/oPnBgEJVk6PtBQBBAtq8X/+QAAoAAwAAAC0AAf+Tx9QMCOyYYZI834BIAjP+6sgD',
    'CP9/gICAgICAgICAgP+QAAoABAAAAHYAAf+Tz7QwCUzf1JxqSBiBlHMj34BoAfvfx/FCu1gerJQKX4DB84UACWU+awDH2g4AAq0qaxvL',
    'f4DD6ggAF9fgfvlDll/PwCQXK+EMDWNbIH+Aw+oJABz5QV8NNRvvf8/AJBxNP7OzPC4SD4D/kAAKAAUAAAAiAAH/k8fUBAI734AQCPOA',
    'gICAgICAgICA/9k=',
  ],
}

export const codestreams = Object.fromEntries(
  Object.entries(packed).map(([name, lines]) => [name, Buffer.from(lines.join(''), 'base64')]),
) as Record<keyof typeof packed, Buffer>

function box(name: string, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  const head = Buffer.alloc(8)
  head.writeUInt32BE(8 + content.length)
  head.write(name, 4, 'latin1')
  return Buffer.concat([head, content])
}

const hex = (digits: string) => Buffer.from(digits.replaceAll(' ', ''), 'hex')
const signature = box('jP  ', hex('0d0a870a'))
const fileType = (brand: string) => box('ftyp', Buffer.from(`${brand}\0\0\0\0jp2 `))
const colourSpaces = { sRGB: 16, grey: 17, sYCC: 18 }

/** A file around a codestream that is as large as its header says. */
export function jp2(
  codestream: Buffer,
  colours: keyof typeof colourSpaces = 'sRGB',
  { more = [] as Buffer[], brand = 'jp2 ' } = {},
): Buffer {
  const header = Buffer.alloc(14)
  header.writeUInt32BE(codestream.readUInt32BE(12) - codestream.readUInt32BE(20))
  header.writeUInt32BE(codestream.readUInt32BE(8) - codestream.readUInt32BE(16), 4)
  codestream.copy(header, 8, 40, 43)
  header.set([7, 0, 0], 11)
  const colour = hex(`010000 000000${colourSpaces[colours].toString(16)}`)
  const boxes = [box('ihdr', header), box('colr', colour), ...more]
  return Buffer.concat([signature, fileType(brand), box('jp2h', ...boxes), box('jp2c', codestream)])
}

/** Tells that the last of so many components is how opaque the picture is. */
const channels = (components: number) =>
  box(
    'cdef',
    hex(`${components.toString(16).padStart(4, '0')}`),
    ...Array.from({ length: components }, (_, index) =>
      hex(index === components - 1 ? `000${index} 0001 0000` : `000${index} 0000 000${index + 1}`),
    ),
  )
const palette = [
  box('pclr', hex('0004 03 070707 d02020 20b020 2020d0 e0e020')),
  box('cmap', hex('0000 01 00 0000 01 01 0000 01 02')),
]

/** Everything in colour, by what it is. */
export const inColour: Record<string, Buffer> = {
  'a codestream': codestreams.rgb,
  'a JP2': jp2(codestreams.rgb),
  'a JPX': jp2(codestreams.rgb, 'sRGB', { brand: 'jpx ' }),
  '16 bits': jp2(codestreams.rgb16),
  'a palette': jp2(codestreams.index, 'sRGB', { more: palette }),
  'luminance and chrominance': jp2(codestreams.luma, 'sYCC'),
  'chrominance at half the size': jp2(codestreams.lumaHalved, 'sYCC'),
  'away from the origin, in tiles': codestreams.shifted,
}
export const inGrey: Record<string, Buffer> = {
  'a codestream': codestreams.grey,
  'a JP2': jp2(codestreams.grey, 'grey'),
}
/** Their right halves are three quarters transparent. */
export const halfTransparent = {
  colour: jp2(codestreams.rgba, 'sRGB', { more: [channels(4)] }),
  grey: jp2(codestreams.greyAlpha, 'grey', { more: [channels(2)] }),
}

/** A codestream whose header claims a size, tiles of a size and components, and has no more than that right. */
export function codestreamClaiming(
  width: number,
  height: number,
  { tile = { width, height }, components = 3 } = {},
): Buffer {
  const size = Buffer.alloc(40 + 3 * components)
  size.writeUInt16BE(0xff51, 0)
  size.writeUInt16BE(size.length - 2, 2)
  for (const [index, number] of [width, height, 0, 0, tile.width, tile.height].entries())
    size.writeUInt32BE(number, 6 + 4 * index)
  size.writeUInt16BE(components, 38)
  for (let index = 0; index < components; index += 1) size.set([7, 1, 1], 40 + 3 * index)
  const rest = codestreams.rgb.subarray(codestreams.rgb.indexOf(hex('ff52')))
  return Buffer.concat([hex('ff4f'), size, rest])
}
