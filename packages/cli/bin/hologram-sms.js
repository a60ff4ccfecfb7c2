#!/usr/bin/env node
import '../dist/hologram-sms.js'
