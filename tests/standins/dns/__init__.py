# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""DNS providers that can only be had with an account: small servers that keep state and speak the vendor's API.

They answer as the vendor's documentation says, awkward parts too. For tests only.
"""
